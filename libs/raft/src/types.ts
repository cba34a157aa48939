/**
 * The vocabulary of the consensus machine. Indexes and terms are plain safe integers: they are
 * touched for every entry, and nothing else here is a number that could be mixed up with them.
 */

/** Raft term, from 1; 0 means "before any election". */
export type Term = number;
/** Position in the replicated log, from 1; 0 means "before the first entry". */
export type LogIndex = number;
/** A controller's seat in the Raft group, from 1. Never used twice: a replaced member gets a new one. */
export type MemberId = number;
/** Number of a write batch, from 1, never repeated while a process lives (reference/raft.md 2.1). */
export type WriteSeq = number;
/** Number of a leadership confirmation round, from 1, never repeated within a term. */
export type RoundId = number;

export type Member = {
  readonly id: MemberId;
  readonly name: string;
  /** `host:port` of the member's TLS listener. */
  readonly address: string;
};

/**
 * Who takes part. `outgoing` is empty but for a joint configuration, in which elections, commits and
 * rounds need a majority of `voters` and a majority of `outgoing` (Raft dissertation 4.3).
 */
export type Membership = {
  readonly members: readonly Member[];
  readonly voters: readonly MemberId[];
  readonly outgoing: readonly MemberId[];
  readonly learners: readonly MemberId[];
};

/** `empty`: a new leader's first entry; `command`: opaque to this library. */
export type LogEntry =
  | { readonly kind: 'empty'; readonly index: LogIndex; readonly term: Term }
  | {
      readonly kind: 'command';
      readonly index: LogIndex;
      readonly term: Term;
      readonly payload: Uint8Array;
    }
  | {
      readonly kind: 'membership';
      readonly index: LogIndex;
      readonly term: Term;
      readonly membership: Membership;
    };

/** What must survive a crash before any promise that rests on it leaves the process. */
export type HardState = { readonly term: Term; readonly vote: MemberId | 0 };

/** A state that covers the log up to and including `index`. */
export type SnapshotMeta = {
  readonly index: LogIndex;
  readonly term: Term;
  readonly membership: Membership;
};

/** Entries from `firstIndex` up to the next run have this term: the terms of a whole log in a few words. */
export type TermRun = { readonly firstIndex: LogIndex; readonly term: Term };
