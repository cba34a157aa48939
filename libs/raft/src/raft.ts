import { assert, type Prng } from '#libs/kernel';
import { onVotePersisted } from './candidate.ts';
import { advanceCommit, isServing } from './commit.ts';
import { checkConfig } from './config.ts';
import { onSnapshotReceived } from './follower.ts';
import { Invariants } from './invariants.ts';
import { onFetched } from './leader.ts';
import { onGone } from './leader-gone.ts';
import type { Message } from './messages.ts';
import type {
  InitialState,
  MembershipChange,
  Output,
  ProposeResult,
  RaftConfig,
  RaftMachine,
  RaftStatus,
  RoundResult,
} from './ports.ts';
import { propose, proposeMembership, refused } from './proposals.ts';
import { isAsked } from './replication.ts';
import { State } from './state.ts';
import { statusOf } from './status.ts';
import { step } from './step.ts';
import { takeOutput } from './take-output.ts';
import { tick } from './tick.ts';
import { beginTransfer, carryOutOrder, neverLead } from './transfer.ts';
import type { LogEntry, LogIndex, MemberId, SnapshotMeta, Term, WriteSeq } from './types.ts';
import { onWriteStall } from './write-stall.ts';

/** A member that starts from what recovery found. `prng` spreads the election timeouts. */
export function createRaft(config: RaftConfig, initial: InitialState, prng: Prng): RaftMachine {
  checkConfig(config);
  return new Raft(new State(config, initial, prng));
}

/** The door of the machine: each input goes to its room, then the invariants are checked. */
class Raft implements RaftMachine {
  readonly #state: State;
  readonly #invariants = new Invariants();

  constructor(state: State) {
    this.#state = state;
    this.#invariants.check(state);
  }

  step(message: Message): void {
    step(this.#state, message);
    this.#invariants.check(this.#state);
  }

  tick(): void {
    tick(this.#state);
    this.#invariants.check(this.#state);
  }

  propose(payloads: readonly Uint8Array[]): ProposeResult {
    const result = propose(this.#state, payloads);
    this.#invariants.check(this.#state);
    return result;
  }

  get idleTicks(): number {
    const { standing, electionTimeoutTicks, electionElapsedTicks } = this.#state;
    if (standing.kind !== 'follower') return 0;
    return Math.max(0, electionTimeoutTicks - electionElapsedTicks - 1);
  }

  get beatDue(): boolean {
    const { standing } = this.#state;
    if (standing.kind !== 'leader' || !standing.heartbeatDue) return false;
    const { peers } = standing;
    return peers.length === 0 || peers.some((peer) => isAsked(this.#state, standing, peer));
  }

  confirmRound(): RoundResult {
    const { standing } = this.#state;
    if (standing.kind !== 'leader') return refused(this.#state, 'notLeader');
    if (!isServing(this.#state)) return refused(this.#state, 'notServing');
    return { accepted: true, round: standing.rounds.request() };
  }

  proposeMembership(change: MembershipChange): ProposeResult {
    const result = proposeMembership(this.#state, change);
    this.#invariants.check(this.#state);
    return result;
  }

  transferLeadership(to: MemberId): ProposeResult {
    const { standing, log, term } = this.#state;
    if (standing.kind !== 'leader') return refused(this.#state, 'notLeader');
    const refusal = beginTransfer(this.#state, standing, to);
    if (refusal !== null) return refused(this.#state, refusal);
    return { accepted: true, firstIndex: log.lastIndex, term };
  }

  onPersisted(seq: WriteSeq): void {
    const state = this.#state;
    assert(seq < state.log.writes.nextSeq, 'only a batch that was handed out is written', { seq });
    const advanced = state.log.acknowledgeWrite(seq);
    if (advanced && state.standing.kind === 'leader') advanceCommit(state, state.standing);
    onVotePersisted(state);
    this.#invariants.check(state);
  }

  onApplied(index: LogIndex): void {
    const { log } = this.#state;
    log.appliedIndex = Math.max(log.appliedIndex, index);
    carryOutOrder(this.#state);
    this.#invariants.check(this.#state);
  }

  onFetched(to: MemberId, fromIndex: LogIndex, entries: readonly LogEntry[]): void {
    onFetched(this.#state, to, fromIndex, entries);
    this.#invariants.check(this.#state);
  }

  onSnapshotSent(to: MemberId, outcome: 'installed' | 'failed', index: LogIndex): void {
    const peer = this.#state.peer(to);
    if (peer === undefined || peer.state !== 'snapshot') return;
    // The peer's own answer to the next probe says what it holds; this only says where to look.
    if (outcome === 'installed') peer.becomeProbe(Math.min(index, this.#state.log.lastIndex) + 1);
    else peer.becomePatientProbe(peer.matchIndex + 1, this.#state.ticks);
  }

  onSnapshotReceived(meta: SnapshotMeta, from: MemberId, term: Term): boolean {
    const installed = onSnapshotReceived(this.#state, meta, from, term);
    this.#invariants.check(this.#state);
    return installed;
  }

  compactTo(index: LogIndex): void {
    this.#state.log.compactTo(index);
    this.#invariants.check(this.#state);
  }

  onUnreachable(id: MemberId): void {
    const peer = this.#state.peer(id);
    if (peer?.state !== 'replicate') return;
    peer.becomePatientProbe(peer.matchIndex + 1, this.#state.ticks);
  }

  onGone(id: MemberId): void {
    onGone(this.#state, id);
    this.#invariants.check(this.#state);
  }

  onWriteStall(stallMs: number, electionTimeoutMs: number): void {
    onWriteStall(this.#state, stallMs, electionTimeoutMs);
    this.#invariants.check(this.#state);
  }

  neverLead(): void {
    neverLead(this.#state);
    this.#invariants.check(this.#state);
  }

  takeOutput(): Output | null {
    const output = takeOutput(this.#state);
    this.#invariants.check(this.#state);
    return output;
  }

  status(): RaftStatus {
    return statusOf(this.#state);
  }
}
