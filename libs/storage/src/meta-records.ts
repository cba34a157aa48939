import { decode, encode, Fields, membershipFields, membershipOf } from '#libs/protocol';
import type { HardState } from '#libs/raft';
import type { BackendOperation } from './disk.ts';
import { MetaKey } from './keys.ts';
import type { AppliedMark, LogBase } from './replica-state.ts';
import { sealRecord, unsealRecord } from './sealed-record.ts';

/** Format history: 1 = first release. */
export const FORMAT_VERSION = 1;

export type Identity = {
  readonly formatVersion: number;
  readonly groupId: string;
  readonly memberId: number;
  /** Drawn when the directory was made; null: by a version that did not. */
  readonly directoryId: string | null;
};

/** The base record also names the generation, since both change together. */
export type StoredBase = LogBase & { readonly generation: number };

export function identityRecord(identity: Identity): BackendOperation {
  const { formatVersion, groupId, memberId, directoryId } = identity;
  return sealed(MetaKey.identity, [formatVersion, groupId, memberId, directoryId]);
}

export function readIdentity(record: Uint8Array): Identity {
  const fields = opened('identity record', MetaKey.identity, record);
  return {
    formatVersion: fields.integer('format version'),
    groupId: fields.text('group id'),
    memberId: fields.integer('member id'),
    directoryId: fields.ended ? null : fields.textOrNull('directory id'),
  };
}

export function baseRecord(base: StoredBase): BackendOperation {
  const { index, term, membership } = base.meta;
  const fields = [base.generation, index, term, base.chain, membershipFields(membership)];
  return sealed(MetaKey.base, fields);
}

export function readBase(record: Uint8Array): StoredBase {
  const fields = opened('base record', MetaKey.base, record);
  const generation = fields.integer('generation');
  const index = fields.integer('index');
  const term = fields.integer('term');
  const chain = fields.integer('chain');
  const membership = membershipOf(fields.list('membership', 4));
  return { generation, chain, meta: { index, term, membership } };
}

export function hardStateRecord(hardState: HardState): BackendOperation {
  return sealed(MetaKey.hardState, [hardState.term, hardState.vote]);
}

export function readHardState(record: Uint8Array): HardState {
  const fields = opened('hard state record', MetaKey.hardState, record);
  return { term: fields.integer('term'), vote: fields.integer('vote') };
}

export function appliedRecord(applied: AppliedMark): BackendOperation {
  return sealed(MetaKey.applied, [applied.index, applied.term, applied.digest]);
}

export function readApplied(record: Uint8Array): AppliedMark {
  const fields = opened('applied record', MetaKey.applied, record);
  const index = fields.integer('index');
  const term = fields.integer('term');
  return { index, term, digest: fields.bytes('digest') };
}

function sealed(key: Uint8Array, fields: readonly unknown[]): BackendOperation {
  return { type: 'put', key, value: sealRecord(key, encode(fields)) };
}

function opened(what: string, key: Uint8Array, record: Uint8Array): Fields {
  return new Fields(what, decode(unsealRecord(key, record)));
}
