import type { HardState, LogIndex, Membership, SnapshotMeta, Term } from '#libs/raft';

/** Until where the replicated state in the store reaches. */
export type AppliedMark = {
  readonly index: LogIndex;
  readonly term: Term;
  /** The caller's digest of its state at `index`; opaque here, at most a few dozen bytes. */
  readonly digest: Uint8Array;
};

/** What lies before the first entry kept; `chain` is what the first block's `previousChain` must be. */
export type LogBase = { readonly meta: SnapshotMeta; readonly chain: number };

export type LogTail = {
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  readonly chain: number;
};

export type MembershipMark = { readonly index: LogIndex; readonly membership: Membership };

/** What the store knows without reading: replaced as a whole when a batch is durable. */
export type ReplicaState = {
  readonly groupId: string;
  readonly memberId: number;
  readonly directoryId: string | null;
  readonly generation: number;
  readonly base: LogBase;
  readonly tail: LogTail;
  /** Of the base and of each membership entry in the log, in order. */
  readonly memberships: readonly MembershipMark[];
  readonly hardState: HardState;
  readonly applied: AppliedMark;
  /** Number of the newest durable batch. */
  readonly batch: number;
};

/** The membership that holds once everything up to `index` is in. */
export function membershipAt(state: ReplicaState, index: LogIndex): MembershipMark {
  const found = state.memberships.findLast((mark) => mark.index <= index);
  return found ?? { index: state.base.meta.index, membership: state.base.meta.membership };
}
