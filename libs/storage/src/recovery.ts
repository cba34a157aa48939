import type { InitialState, LogEntry, TermRun } from '#libs/raft';
import { MarkerAudit } from './batch-markers.ts';
import type { Backend, BackendIterator, OpenDisk } from './disk.ts';
import { DamagedRecordError, ForeignGroupError, UnknownFormatError } from './errors.ts';
import { type GuardRecord, readGuard, type StoredGuard } from './guard-slots.ts';
import {
  logKey,
  logRange,
  MARKER_RANGE,
  MetaKey,
  STATE_RANGE,
  stateGenerationOf,
  stateRange,
  WHOLE_RANGE,
} from './keys.ts';
import { decodeBlock } from './log-block.ts';
import {
  FORMAT_VERSION,
  readApplied,
  readBase,
  readHardState,
  readIdentity,
  type StoredBase,
} from './meta-records.ts';
import {
  type AppliedMark,
  type LogTail,
  type MembershipMark,
  membershipAt,
  type ReplicaState,
} from './replica-state.ts';
import { unsealRecord } from './sealed-record.ts';

/** What opening a directory found: nothing yet, or everything the consensus machine starts from. */
export type RecoveredLog =
  | { readonly bootstrapped: false }
  | ({
      readonly bootstrapped: true;
      readonly memberId: number;
      readonly directoryId: string | null;
      readonly appliedTerm: number;
      readonly digest: Uint8Array;
    } & InitialState);

export type Recovery =
  | { readonly kind: 'fresh'; readonly guard: StoredGuard | null }
  | {
      readonly kind: 'found';
      readonly guard: StoredGuard;
      readonly state: ReplicaState;
      readonly recovered: RecoveredLog;
      /** An abandoned snapshot may have left records beyond the generation in force. */
      readonly newestGeneration: number;
    };

const RECORDS_PER_READ = 1_000;

/**
 * Reads and checks everything; changes nothing.
 *
 * @throws DamagedRecordError, MalformedMessageError (a record that carries its checksum but not its
 *   shape), ForeignGroupError, UnknownFormatError
 */
export async function recover(
  disk: OpenDisk,
  expected: { readonly directory: string; readonly groupId?: string },
): Promise<Recovery> {
  const { backend } = disk;
  const guard = await readGuard(disk.guard);
  const identityBytes = await backend.get(MetaKey.identity);
  if (identityBytes === undefined) return freshUnlessLost(backend, guard);
  const identity = readIdentity(identityBytes);
  if (identity.formatVersion !== FORMAT_VERSION) {
    throw new UnknownFormatError(expected.directory, identity.formatVersion, FORMAT_VERSION);
  }
  if (expected.groupId !== undefined && identity.groupId !== expected.groupId) {
    throw new ForeignGroupError(expected.directory, identity.groupId, expected.groupId);
  }
  if (guard.newest === null)
    throw new DamagedRecordError('the guard file is missing or unreadable');
  const batch = await auditMarkers(backend);
  checkAgainstGuard(guard.newest, batch);
  const base = readBase(await required(backend, MetaKey.base, 'base record'));
  const applied = readApplied(await required(backend, MetaKey.applied, 'applied record'));
  const stored = readHardState(await required(backend, MetaKey.hardState, 'hard state record'));
  const hardState = newerOf(stored, guard.newest.hardState);
  const log = await scanLog(backend, base, applied);
  checkLog(hardState.term, log.tail, applied, base);
  await checkState(backend, base.generation);
  const { tail, memberships, termRuns } = log;
  const { groupId, memberId, directoryId } = identity;
  const { generation } = base;
  const state: ReplicaState = {
    groupId,
    memberId,
    directoryId,
    generation,
    base,
    tail,
    memberships,
    hardState,
    applied,
    batch,
  };
  return {
    kind: 'found',
    guard: guard.newest,
    state,
    recovered: recoveredOf(state, termRuns, log.unapplied),
    newestGeneration: Math.max(generation, await newestStateGeneration(backend)),
  };
}

/** The recovered shape of a state, for `recover` and for a directory that was just bootstrapped. */
export function recoveredOf(
  state: ReplicaState,
  termRuns: readonly TermRun[],
  tail: readonly LogEntry[],
): RecoveredLog & { readonly bootstrapped: true } {
  // Later ones stand in the tail, so that one which is truncated can be taken back.
  const membership = membershipAt(state, state.applied.index);
  return {
    bootstrapped: true,
    memberId: state.memberId,
    directoryId: state.directoryId,
    appliedTerm: state.applied.term,
    digest: state.applied.digest,
    hardState: state.hardState,
    snapshot: state.base.meta,
    membership: membership.membership,
    membershipIndex: membership.index,
    firstIndex: state.base.meta.index + 1,
    lastIndex: state.tail.lastIndex,
    termRuns,
    appliedIndex: state.applied.index,
    tail,
  };
}

async function freshUnlessLost(
  backend: Backend,
  guard: { readonly written: boolean; readonly newest: StoredGuard | null },
): Promise<Recovery> {
  const lost = guard.written && (guard.newest === null || guard.newest.confirmedBatch > 0);
  if (lost) throw new DamagedRecordError('the database is empty, the guard file is not');
  const iterator = backend.iterator({ ...WHOLE_RANGE, limit: 1 });
  const [leftover] = await closing(iterator, () => iterator.nextv(1));
  if (leftover !== undefined) throw new DamagedRecordError('the identity record is missing');
  return { kind: 'fresh', guard: guard.newest };
}

function checkAgainstGuard(guard: GuardRecord, batch: number): void {
  if (batch < guard.confirmedBatch) {
    throw new DamagedRecordError(
      `it ends with batch ${batch}, batch ${guard.confirmedBatch} up to log index ` +
        `${guard.confirmedIndex} was acknowledged`,
    );
  }
}

/** The guard may hold a vote whose batch a crash cut off: keeping it is always safe. */
function newerOf(
  stored: ReplicaState['hardState'],
  guarded: ReplicaState['hardState'],
): ReplicaState['hardState'] {
  if (guarded.term !== stored.term) return guarded.term > stored.term ? guarded : stored;
  if (stored.vote === 0) return guarded;
  if (guarded.vote !== 0 && guarded.vote !== stored.vote) {
    throw new DamagedRecordError(
      `term ${stored.term} has two votes, ${stored.vote} and ${guarded.vote}`,
    );
  }
  return stored;
}

async function auditMarkers(backend: Backend): Promise<number> {
  const audit = new MarkerAudit();
  const iterator = backend.iterator(MARKER_RANGE);
  await forEachRecord(iterator, (key, record) => audit.add(key, record));
  return audit.newestBatch();
}

async function scanLog(
  backend: Backend,
  base: StoredBase,
  applied: AppliedMark,
): Promise<{
  readonly tail: LogTail;
  readonly memberships: readonly MembershipMark[];
  readonly termRuns: readonly TermRun[];
  readonly unapplied: readonly LogEntry[];
}> {
  const memberships: MembershipMark[] = [
    { index: base.meta.index, membership: base.meta.membership },
  ];
  const termRuns: TermRun[] = [];
  const unapplied: LogEntry[] = [];
  let { index: lastIndex, term: lastTerm } = base.meta;
  let { chain } = base;
  const range = { gte: logKey(base.generation, lastIndex + 1), lt: logRange(base.generation).lt };
  await forEachRecord(backend.iterator(range), (key, record) => {
    const block = decodeBlock(key, record);
    const first = block.entries[0]?.index ?? lastIndex + 1;
    if (first !== lastIndex + 1) {
      throw new DamagedRecordError(`log entries ${lastIndex + 1} to ${first - 1} are missing`);
    }
    if (block.previousChain !== chain) {
      throw new DamagedRecordError(
        `the log block at index ${first} does not follow the one before`,
      );
    }
    for (const entry of block.entries) {
      if (entry.term < lastTerm) {
        throw new DamagedRecordError(`the term falls from ${lastTerm} at index ${entry.index}`);
      }
      if (entry.term !== lastTerm || termRuns.length === 0) {
        termRuns.push({ firstIndex: entry.index, term: entry.term });
      }
      if (entry.kind === 'membership') memberships.push(entry);
      if (entry.index > applied.index) unapplied.push(entry);
      lastIndex = entry.index;
      lastTerm = entry.term;
    }
    chain = block.chain;
  });
  return { tail: { lastIndex, lastTerm, chain }, memberships, termRuns, unapplied };
}

function checkLog(term: number, tail: LogTail, applied: AppliedMark, base: StoredBase): void {
  if (term < tail.lastTerm) {
    throw new DamagedRecordError(`the hard state has term ${term}, the log term ${tail.lastTerm}`);
  }
  if (applied.index > tail.lastIndex || applied.index < base.meta.index) {
    const log = `${base.meta.index + 1} to ${tail.lastIndex}`;
    throw new DamagedRecordError(`index ${applied.index} is applied, the log holds ${log}`);
  }
}

async function checkState(backend: Backend, generation: number): Promise<void> {
  await forEachRecord(backend.iterator(stateRange(generation)), (key, record) => {
    unsealRecord(key, record);
  });
}

async function newestStateGeneration(backend: Backend): Promise<number> {
  const iterator = backend.iterator({ ...STATE_RANGE, reverse: true, limit: 1, keysOnly: true });
  const [last] = await closing(iterator, () => iterator.nextv(1));
  return last === undefined ? 0 : stateGenerationOf(last[0]);
}

async function required(backend: Backend, key: Uint8Array, what: string): Promise<Uint8Array> {
  const record = await backend.get(key);
  if (record === undefined) throw new DamagedRecordError(`the ${what} is missing`);
  return record;
}

async function forEachRecord(
  iterator: BackendIterator,
  visit: (key: Uint8Array, record: Uint8Array) => void,
): Promise<void> {
  await closing(iterator, async () => {
    for (;;) {
      const records = await iterator.nextv(RECORDS_PER_READ);
      if (records.length === 0) return;
      for (const [key, record] of records) visit(key, record);
    }
  });
}

async function closing<T>(iterator: BackendIterator, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } finally {
    await iterator.close();
  }
}
