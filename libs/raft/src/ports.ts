import type { Message } from './messages.ts';
import type { RoleReason } from './role-reasons.ts';
import type {
  HardState,
  LogEntry,
  LogIndex,
  MemberId,
  RoundId,
  SnapshotMeta,
  Term,
  TermRun,
  WriteSeq,
} from './types.ts';

/** Counts are in ticks; the host decides how long a tick is (50 ms by default). */
export type RaftConfig = {
  readonly self: MemberId;
  /** A heartbeat leaves every so many ticks. */
  readonly heartbeatTicks: number;
  /** A follower of which nothing else is to be learned answers once in so many ticks. Absent: each heartbeat. */
  readonly answerTicks?: number;
  /** Lower bound of the randomised election timeout; the upper bound is twice this. */
  readonly electionTicks: number;
  /**
   * The same while nobody ever led: founders that have just met have no leader to wait for. Absent:
   * `electionTicks`.
   */
  readonly firstElectionTicks?: number;
  readonly maxAppendBytes: number;
  readonly maxInflightAppends: number;
  readonly maxInflightBytes: number;
  /** Proposals are refused while more than this is appended but not committed. */
  readonly maxUncommittedBytes: number;
  /** How much of the durable log is kept in memory for followers that are a little behind. */
  readonly cacheBytes: number;
};

/** What recovery found on stable storage. */
export type InitialState = {
  readonly hardState: HardState;
  /** The newest snapshot, or index 0 with the bootstrap membership. */
  readonly snapshot: SnapshotMeta;
  /**
   * The newest membership at or before `appliedIndex`, with the index of its entry (0: bootstrap).
   * Later ones are read from `tail`, so that one which is truncated can be taken back.
   */
  readonly membership: SnapshotMeta['membership'];
  readonly membershipIndex: LogIndex;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly termRuns: readonly TermRun[];
  readonly appliedIndex: LogIndex;
  /** Entries after `appliedIndex`, in order. */
  readonly tail: readonly LogEntry[];
};

/** One atomic, synced write. In the order: snapshot replaces the log, truncate, append, hard state. */
export type PersistBatch = {
  readonly seq: WriteSeq;
  readonly hardState: HardState | null;
  readonly truncateFrom: LogIndex | null;
  readonly entries: readonly LogEntry[];
  readonly snapshot: SnapshotMeta | null;
};

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader' | 'learner';

export type RoleChange = {
  readonly role: Role;
  readonly term: Term;
  readonly leader: MemberId | 0;
  /** Leader only: its own-term entry is committed and applied, so rounds and leases may be served. */
  readonly serving: boolean;
  readonly why: RoleReason;
};

/**
 * What the host must do after it fed inputs, in this order:
 * 1. send `sendNow` (it rests on nothing unsynced) and begin to write `persist`;
 * 2. once the write of `persist.seq` is durable: send `afterPersist`, then call `onPersisted(seq)`;
 *    with no `persist` in this output, `afterPersist` waits for the last batch handed out before;
 * 3. apply `apply` in order, then call `onApplied`;
 * 4. answer `rounds` and `role`, and serve `fetch` and `snapshotsWanted`.
 */
export type Output = {
  readonly sendNow: readonly Message[];
  readonly persist: PersistBatch | null;
  readonly afterPersist: readonly Message[];
  /** Committed and durable here. */
  readonly apply: readonly LogEntry[];
  readonly rounds: readonly RoundOutcome[];
  /** A follower needs entries older than the cache: read them and call `onFetched`. */
  readonly fetch: readonly FetchRequest[];
  /** A follower needs a snapshot: send one, then call `onSnapshotSent`. */
  readonly snapshotsWanted: readonly MemberId[];
  readonly role: RoleChange | null;
};

export type RoundOutcome = {
  readonly round: RoundId;
  /** confirmed: a quorum answered this round, begun after the call; lost: leadership ended first. */
  readonly outcome: 'confirmed' | 'lost';
  /** The commit index when the round began: reads must wait until it is applied. */
  readonly readIndex: LogIndex;
};

export type FetchRequest = {
  readonly to: MemberId;
  readonly fromIndex: LogIndex;
  readonly maxBytes: number;
};

export type Refusal =
  | 'notLeader'
  | 'notServing'
  | 'transferring'
  | 'tooMuchUncommitted'
  | 'membershipChangePending'
  | 'invalidMembership'
  | 'targetNotVoter'
  | 'targetBehind'
  /** After the change, the voters that answer at present would be no quorum. */
  | 'wouldLoseQuorum';

export type ProposeResult =
  | { readonly accepted: true; readonly firstIndex: LogIndex; readonly term: Term }
  | { readonly accepted: false; readonly refusal: Refusal; readonly leader: MemberId | 0 };

export type RoundResult =
  | { readonly accepted: true; readonly round: RoundId }
  | { readonly accepted: false; readonly refusal: Refusal; readonly leader: MemberId | 0 };

export type MembershipChange =
  | { readonly type: 'addLearner'; readonly member: SnapshotMeta['membership']['members'][number] }
  | { readonly type: 'promote'; readonly id: MemberId }
  | { readonly type: 'remove'; readonly id: MemberId }
  /** Joint: `incoming` (a caught-up learner) becomes voter and `outgoing` leaves in one change. */
  | { readonly type: 'replace'; readonly outgoing: MemberId; readonly incoming: MemberId };

export type PeerStatus = {
  readonly id: MemberId;
  readonly state: 'probe' | 'replicate' | 'snapshot';
  readonly matchIndex: LogIndex;
  readonly nextIndex: LogIndex;
  readonly recentlyActive: boolean;
  /** Requests on their way to it. */
  readonly inflightAppends: number;
  /** How long the write under way had taken when it last answered; 0 when none was. */
  readonly writeStallMs: number;
  /** None of its writes has taken an election timeout. */
  readonly diskKeepsUp: boolean;
};

export type RaftStatus = {
  readonly self: MemberId;
  readonly role: Role;
  readonly why: RoleReason;
  readonly term: Term;
  readonly vote: MemberId | 0;
  readonly leader: MemberId | 0;
  readonly serving: boolean;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly durableIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly firstIndex: LogIndex;
  readonly membership: SnapshotMeta['membership'];
  /** Requests that peers refused, since this member started. */
  readonly appendRejects: number;
  /** No write of its own has taken an election timeout. */
  readonly diskKeepsUp: boolean;
  /** Leader only. */
  readonly peers: readonly PeerStatus[];
};

/**
 * The machine: no clock, no chance but the seed it was given, no IO, no `await`. Every call changes
 * memory only; effects are taken out with `takeOutput`. Bytes handed in or out are never changed
 * afterwards by either side.
 *
 * @throws InvariantError when an invariant is broken: the process must stop.
 */
export interface RaftMachine {
  /** Every message goes in here; snapshot pieces also go to the host's own sender and receiver. */
  step(message: Message): void;
  tick(): void;
  /** So many ticks may pass before one of them could make this member act; a leader acts at any. */
  readonly idleTicks: number;
  propose(payloads: readonly Uint8Array[]): ProposeResult;
  /** Heartbeats that are answered leave with the next output anyway: a round that begins now costs nothing more. */
  readonly beatDue: boolean;
  /** Begins a new numbered round, or joins one that has not been sent yet. Leader and serving only. */
  confirmRound(): RoundResult;
  proposeMembership(change: MembershipChange): ProposeResult;
  transferLeadership(to: MemberId): ProposeResult;
  onPersisted(seq: WriteSeq): void;
  onApplied(index: LogIndex): void;
  /** Answers a `FetchRequest`; `entries` may be shorter than asked for, empty when compacted meanwhile. */
  onFetched(to: MemberId, fromIndex: LogIndex, entries: readonly LogEntry[]): void;
  onSnapshotSent(to: MemberId, outcome: 'installed' | 'failed', index: LogIndex): void;
  /**
   * A complete, verified snapshot lies on disk. False when it brings nothing new; otherwise the next
   * output persists `snapshot`: once that is durable the host restores its state machine from it and
   * calls `onApplied(meta.index)`. Nothing is handed to apply before.
   */
  onSnapshotReceived(meta: SnapshotMeta, from: MemberId, term: Term): boolean;
  /** The log up to and including `index` may be dropped from storage and memory. */
  compactTo(index: LogIndex): void;
  onUnreachable(id: MemberId): void;
  /**
   * No connection with it is left, in either direction, where there was one: its process ended. Hand in
   * what it sent before first. Silence is not enough for this; a mistake costs a refused pre-vote.
   */
  onGone(id: MemberId): void;
  /** The write under way has taken this long; 0 when none is (reference/raft.md 7.1). */
  onWriteStall(stallMs: number, electionTimeoutMs: number): void;
  /**
   * This member's state is not to be trusted: it goes on storing and voting, for its log is sound, but
   * never leads again. A leader steps down at once.
   */
  neverLead(): void;
  /** Null when there is nothing to do. */
  takeOutput(): Output | null;
  status(): RaftStatus;
}
