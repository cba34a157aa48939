import type { Prng } from '#libs/kernel';
import { LogView } from './log-view.ts';
import { MembershipHistory } from './membership.ts';
import type { Message } from './messages.ts';
import type { FetchRequest, InitialState, RaftConfig, RoleChange, RoundOutcome } from './ports.ts';
import type { Progress } from './progress.ts';
import { isVoter } from './quorum.ts';
import type { RoleReason } from './role-reasons.ts';
import type { Rounds } from './rounds.ts';
import type { HardState, LogIndex, MemberId, RoundId, Term, WriteSeq } from './types.ts';

export type Leadership = {
  readonly kind: 'leader';
  /** The index of the empty entry that began this term. */
  readonly ownTermIndex: LogIndex;
  peers: Progress[];
  readonly rounds: Rounds;
  transfer: { readonly to: MemberId; readonly startedTick: number; ordered: boolean } | null;
  heartbeatElapsedTicks: number;
  heartbeatDue: boolean;
  /** Bytes that are appended and not committed. */
  uncommittedBytes: number;
};

/** What this member is in its term; each kind carries only what it needs. */
export type Standing =
  | { readonly kind: 'follower'; readonly leader: MemberId | 0 }
  | {
      readonly kind: 'preCandidate';
      readonly votes: Map<MemberId, boolean>;
      readonly askedTick: number;
    }
  | {
      readonly kind: 'candidate';
      readonly votes: Map<MemberId, boolean>;
      /** Our own vote counts once this write is durable. */
      readonly ownVoteSeq: WriteSeq;
    }
  | Leadership;

/** Effects that wait for `takeOutput`. */
class Outbox {
  sendNow: Message[] = [];
  afterPersist: Message[] = [];
  rounds: RoundOutcome[] = [];
  fetch: FetchRequest[] = [];
  snapshotsWanted: MemberId[] = [];

  /** What was filled now belongs to the output that carries it. */
  empty(): void {
    if (this.sendNow.length > 0) this.sendNow = [];
    if (this.afterPersist.length > 0) this.afterPersist = [];
    if (this.rounds.length > 0) this.rounds = [];
    if (this.fetch.length > 0) this.fetch = [];
    if (this.snapshotsWanted.length > 0) this.snapshotsWanted = [];
  }
}

/** All of the machine's memory. The rooms beside this file are functions over it. */
export class State {
  readonly self: MemberId;
  readonly log: LogView;
  readonly memberships: MembershipHistory;
  readonly outbox = new Outbox();
  term: Term;
  vote: MemberId | 0;
  standing: Standing = { kind: 'follower', leader: 0 };
  /** Of `standing`. */
  why: RoleReason = 'started';
  ticks = 0;
  /** Follower: since the leader was heard or a vote given. Leader: always 0. */
  electionElapsedTicks = 0;
  electionTimeoutTicks = 0;
  /** Follower: the log up to here is known to equal that of this term's leader. */
  matchedIndex: LogIndex = 0;
  /** Follower: the leader waits for an answer once `matchedIndex` is durable. */
  ackOwed = false;
  /** Never repeated while the process lives. */
  lastRound: RoundId = 0;
  writeStallMs = 0;
  /** As the host last said it; 0 before: then any write under way counts as one that is stuck. */
  electionTimeoutMs = 0;
  appendRejects = 0;
  /** The disk was stuck for so long that this member must not lead before a write succeeds. */
  campaignWithheld = false;
  /** Its state machine is not to be trusted: it must not lead, ever. */
  barred = false;
  /** The term in which the leader ordered a campaign that must wait for a membership to be applied. */
  campaignOrderedTerm: Term = 0;
  handedHardState: HardState;
  reportedRole: RoleChange | null = null;

  constructor(
    readonly config: RaftConfig,
    initial: InitialState,
    readonly prng: Prng,
  ) {
    this.self = config.self;
    this.term = initial.hardState.term;
    this.vote = initial.hardState.vote;
    this.handedHardState = initial.hardState;
    this.log = new LogView(initial);
    this.memberships = new MembershipHistory(initial.membershipIndex, initial.membership);
    for (const entry of initial.tail) {
      if (entry.kind === 'membership') this.memberships.append(entry.index, entry.membership);
    }
    this.drawElectionTimeout();
  }

  /** A busy disk always has a write under way: it keeps up as long as none takes an election timeout. */
  keepsUp(writeStallMs: number): boolean {
    return writeStallMs <= this.electionTimeoutMs;
  }

  get leader(): MemberId | 0 {
    if (this.standing.kind === 'leader') return this.self;
    return this.standing.kind === 'follower' ? this.standing.leader : 0;
  }

  get isVoter(): boolean {
    return isVoter(this.memberships.current, this.self);
  }

  /** Raft 5.2: spread out, so that two members seldom campaign at once. */
  drawElectionTimeout(): void {
    const { electionTicks, firstElectionTicks = electionTicks } = this.config;
    const nobodyEverLed = this.term === 0 && this.log.lastIndex === 0;
    const least = nobodyEverLed ? firstElectionTicks : electionTicks;
    this.electionTimeoutTicks = this.prng.range(least, 2 * least - 1);
  }

  peer(id: MemberId): Progress | undefined {
    if (this.standing.kind !== 'leader') return undefined;
    for (const peer of this.standing.peers) if (peer.id === id) return peer;
    return undefined;
  }
}
