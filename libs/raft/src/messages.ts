import type { LogEntry, LogIndex, MemberId, RoundId, Term } from './types.ts';

type Envelope = { readonly from: MemberId; readonly to: MemberId; readonly term: Term };

export type PreVoteRequest = Envelope & {
  readonly type: 'preVoteRequest';
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
};
export type PreVoteResponse = Envelope & {
  readonly type: 'preVoteResponse';
  readonly granted: boolean;
};
export type VoteRequest = Envelope & {
  readonly type: 'voteRequest';
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  /** Set by a leadership transfer: the voter ignores that it still hears the old leader. */
  readonly transfer: boolean;
};
export type VoteResponse = Envelope & { readonly type: 'voteResponse'; readonly granted: boolean };

export type AppendRequest = Envelope & {
  readonly type: 'appendRequest';
  readonly prevIndex: LogIndex;
  readonly prevTerm: Term;
  readonly commitIndex: LogIndex;
  readonly entries: readonly LogEntry[];
};
export type AppendResponse = Envelope & {
  readonly type: 'appendResponse';
  /** `matched`: everything up to `index` is durable here. `rejected`: try again at the hint. */
  readonly outcome: 'matched' | 'rejected';
  /** matched: last durable index that agrees with the leader. rejected: the request's prevIndex. */
  readonly index: LogIndex;
  readonly hintIndex: LogIndex;
  readonly hintTerm: Term;
};

/** Carries leadership, the commit index and the newest round; answered from memory, never waits for a disk. */
export type Heartbeat = Envelope & {
  readonly type: 'heartbeat';
  readonly commitIndex: LogIndex;
  readonly round: RoundId;
  /** The leader has nothing to learn from an answer; absent: it waits for one, as those of before did. */
  readonly unanswered?: true;
};
export type HeartbeatResponse = Envelope & {
  readonly type: 'heartbeatResponse';
  readonly round: RoundId;
  /** Milliseconds since this member's oldest unfinished write began, 0 when none is pending. */
  readonly writeStallMs: number;
};

/** Transfer: "campaign now"; the target checks that its log reaches `lastIndex`, durable. */
export type TimeoutNow = Envelope & { readonly type: 'timeoutNow'; readonly lastIndex: LogIndex };

/** One piece of a snapshot; `offset` in bytes. A receiver answers with what it has, so a transfer resumes. */
export type SnapshotChunk = Envelope & {
  readonly type: 'snapshotChunk';
  readonly index: LogIndex;
  readonly snapshotTerm: Term;
  /** msgpack of the Membership at `index`; only in the piece at offset 0. */
  readonly membership: Uint8Array | null;
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** True with the last piece, which also carries the SHA-256 of the whole. */
  readonly last: boolean;
  readonly sha256: Uint8Array | null;
};
export type SnapshotAck = Envelope & {
  readonly type: 'snapshotAck';
  readonly index: LogIndex;
  /** Bytes that the receiver holds on stable storage; the sender goes on from there. */
  readonly storedBytes: number;
  readonly outcome: 'more' | 'installed' | 'refused';
};

export type Message =
  | PreVoteRequest
  | PreVoteResponse
  | VoteRequest
  | VoteResponse
  | AppendRequest
  | AppendResponse
  | Heartbeat
  | HeartbeatResponse
  | TimeoutNow
  | SnapshotChunk
  | SnapshotAck;
