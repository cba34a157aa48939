import type { Membership } from '#libs/raft';
import { markerOf } from './batch-markers.ts';
import type { BackendOperation } from './disk.ts';
import {
  appliedRecord,
  baseRecord,
  FORMAT_VERSION,
  hardStateRecord,
  identityRecord,
} from './meta-records.ts';
import type { ReplicaState } from './replica-state.ts';

export type FirstSeat = {
  readonly groupId: string;
  readonly memberId: number;
  readonly membership: Membership;
  /** Tells this directory from every other that ever had the seat. */
  readonly directoryId?: string;
};

/** The first state of a member: an empty log before index 1, with the membership it was told. */
export function bootstrapState(seat: FirstSeat): ReplicaState {
  const { groupId, memberId, membership, directoryId = null } = seat;
  return {
    groupId,
    memberId,
    directoryId,
    generation: 1,
    base: { meta: { index: 0, term: 0, membership }, chain: 0 },
    tail: { lastIndex: 0, lastTerm: 0, chain: 0 },
    memberships: [{ index: 0, membership }],
    hardState: { term: 0, vote: 0 },
    applied: { index: 0, term: 0, digest: new Uint8Array() },
    batch: 1,
  };
}

export function bootstrapOperations(state: ReplicaState): readonly BackendOperation[] {
  const { groupId, memberId, directoryId } = state;
  const { generation, base, hardState, applied, batch } = state;
  return [
    identityRecord({ formatVersion: FORMAT_VERSION, groupId, memberId, directoryId }),
    baseRecord({ ...base, generation }),
    hardStateRecord(hardState),
    appliedRecord(applied),
    markerOf(batch),
  ];
}
