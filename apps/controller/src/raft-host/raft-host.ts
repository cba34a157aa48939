import type { EventStore } from '#libs/event-store';
import { assert, type MonotonicMs } from '#libs/kernel';
import {
  ProposalIntake,
  type ProposalOwner,
  type ReplicatedLog,
  type RoundOwner,
  type RoundPace,
  RoundScheduler,
  TurnBudget,
} from '#libs/leader';
import type {
  MemberId,
  MembershipChange,
  Message,
  Output,
  PersistBatch,
  ProposeResult,
  RaftMachine,
  RaftStatus,
  RoleChange,
  RoundOutcome,
  SnapshotMeta,
} from '#libs/raft';
import { Snapshotter } from '#libs/storage';
import { ApplyQueue } from './apply-queue.ts';
import { CommitNews } from './commit-news.ts';
import { COMPACTION, Compactor } from './compactor.ts';
import { GroupWriter } from './group-writer.ts';
import type { HostCounts, HostListener, RaftHostOptions } from './host-contract.ts';
import { InputLanes } from './input-lanes.ts';
import { Isolation } from './isolation.ts';
import { NextTurn } from './next-turn.ts';
import type { PeerLinks } from './ports.ts';
import { StateOverlay } from './state-overlay.ts';
import { StorageReads } from './storage-reads.ts';
import { TickClock } from './tick-clock.ts';

/** An output may call for another at once (apply, then serving); more rounds than this are a fault. */
const OUTPUTS_PER_TURN_MAX = 16;
/** So few entries are applied sooner than another turn of the event loop begins. */
const APPLY_AT_ONCE_MAX = 8;

/**
 * The one loop around the consensus machine (reference/raft.md 2.4): inputs by class within a budget,
 * one output, one write for all that piled up, messages in parallel to it, apply in slices.
 */
export class RaftHost implements ReplicatedLog {
  readonly rounds: RoundScheduler;
  readonly overlay = new StateOverlay();
  readonly applies: ApplyQueue;
  readonly #options: RaftHostOptions;
  readonly #lanes = new InputLanes();
  readonly #proposals: ProposalIntake;
  readonly #writer: GroupWriter;
  readonly #timer: TickClock;
  readonly #reads: StorageReads;
  readonly #snapshots: Snapshotter;
  readonly #compactor: Compactor;
  readonly #listeners: HostListener[] = [];
  readonly #news: CommitNews;
  readonly #turns = new NextTurn((between) => this.#turn(between));
  readonly #applyTurns = new NextTurn(() => this.#guarded(() => this.#apply()));
  readonly #isolation: Isolation;
  #role: RoleChange = { role: 'follower', term: 0, leader: 0, serving: false, why: 'started' };
  #closed = false;

  constructor(options: RaftHostOptions) {
    const { raft, store, storage, links, clock, applied } = options;
    this.#options = options;
    if (storage.isolation !== null) raft.neverLead();
    this.rounds = new RoundScheduler(raft);
    this.#news = new CommitNews(clock, (message) => links.send(message));
    this.#proposals = new ProposalIntake(raft);
    this.applies = new ApplyQueue(store, this.overlay, this.#proposals, clock, applied);
    this.applies.observe(() => this.#news.hurry());
    this.#writer = new GroupWriter({
      storage,
      overlay: this.overlay,
      clock,
      applied: () => this.applies.mark(),
      send: (messages) => sendAll(links, messages),
      persisted: (batch) => this.#guarded(() => this.#onPersisted(batch)),
      failed: (error) => this.fail(error),
      wrote: (tookMs, entries) => {
        for (const listener of this.#listeners) listener.onWritten?.(tookMs, entries);
      },
    });
    const { self } = raft.status();
    const feed: (typeof this)['feed'] = (input) => this.feed(input);
    const failed = (error: unknown): void => this.fail(error);
    this.#isolation = new Isolation({ log: options.log, storage, feed, failed });
    this.#reads = new StorageReads({ storage, feed, failed });
    this.#snapshots = new Snapshotter({ self, storage, links, log: options.log, feed, failed });
    this.#compactor = new Compactor(storage, feed, failed, options.compaction ?? COMPACTION);
    const due = (): void => this.schedule();
    this.#timer = new TickClock(options, due, (lateMs, stalled) => {
      for (const listener of this.#listeners) listener.onPeriod?.(lateMs, stalled);
    });
  }

  get store(): EventStore {
    return this.applies.store;
  }

  get role(): RoleChange {
    return this.#role;
  }

  /** Leader, and its own-term entry is applied: it may decide, renew and propose. */
  get serving(): boolean {
    return this.#role.serving && this.#role.role === 'leader' && this.isolated === null;
  }

  /** What is wrong with this member's state, for which it serves nobody; null while it is sound. */
  get isolated(): string | null {
    return this.#isolation.finding;
  }

  isolate(finding: string): void {
    if (!this.#isolation.begin(finding)) return;
    for (const listener of this.#listeners) listener.onIsolated?.(finding);
  }

  nowMs(): MonotonicMs {
    return this.#options.clock.monotonicMs();
  }

  get writeStallMs(): number {
    return this.#writer.stallMs(this.#options.clock.monotonicMs());
  }

  get proposalsWaiting(): number {
    return this.#proposals.size;
  }

  /** Since the start, for metrics. */
  get counts(): HostCounts {
    const { dropped: inputsDropped } = this.#lanes;
    return { proposals: this.#proposals.counts, snapshots: this.#snapshots.counts, inputsDropped };
  }

  status(): RaftStatus {
    return this.#options.raft.status();
  }

  listen(listener: HostListener): void {
    this.#listeners.push(listener);
  }

  start(): void {
    this.#timer.start();
    this.schedule();
  }

  /** Takes no more input; resolves once the write under way is done. */
  async stop(): Promise<void> {
    this.#close();
    this.#proposals.loseAll(0);
    this.rounds.loseAll();
    await this.#writer.settled();
  }

  receive(message: Message): void {
    this.#lanes.addMessage(message);
    this.schedule();
  }

  propose(payload: Uint8Array, owner: ProposalOwner): void {
    if (!this.serving || this.#closed) {
      owner.onLost({ code: 'NOT_LEADER', outcome: 'notApplied', leader: this.#role.leader });
    } else if (this.#proposals.add(payload, owner)) {
      this.schedule();
    } else {
      owner.onLost({ code: 'OVERLOADED', outcome: 'notApplied', leader: this.#role.leader });
    }
  }

  /** Confirms leadership by a round that begins after this call. */
  confirm(owner: RoundOwner, pace: RoundPace = 'at-once'): void {
    if (!this.serving || this.#closed) owner.onUnconfirmed();
    else this.rounds.request(owner, pace);
    if (pace === 'at-once') this.schedule();
  }

  transferLeadership(to: MemberId): boolean {
    return this.handOver(to).accepted;
  }

  handOver(to: MemberId): ProposeResult {
    const result = this.#options.raft.transferLeadership(to);
    this.schedule();
    return result;
  }

  /** Takes effect here when it is accepted, and for good once it is committed. */
  changeMembership(change: MembershipChange): ProposeResult {
    const result = this.#options.raft.proposeMembership(change);
    this.schedule();
    return result;
  }

  onUnreachable(id: MemberId): void {
    this.#options.raft.onUnreachable(id);
    this.schedule();
  }

  /** Its connections ended. */
  onGone(id: MemberId): void {
    this.#lanes.addGone(id);
    this.schedule();
  }

  /** For parts that feed the machine beside the loop (snapshots): runs inside its guard. */
  feed(input: (raft: RaftMachine) => void): void {
    this.#guarded(() => input(this.#options.raft));
    this.schedule();
  }

  schedule(): void {
    this.#turns.ask();
  }

  /** `between` two sockets of many: rounds are begun and what is due leaves, and no time passes. */
  #turn(between: boolean): void {
    this.#guarded(() => {
      const budget = new TurnBudget(this.#options.clock);
      this.#drain(budget, between ? 0 : this.#timer.take());
      const nowMs = this.#options.clock.monotonicMs();
      for (const listener of this.#listeners) listener.onBeforeRounds?.(between);
      this.rounds.beginWhenDue(nowMs);
      this.#settle(nowMs);
      if (this.#hasMore()) this.schedule();
    });
  }

  /** What leaves for others, and the write, begin once the caller is done: before a long apply. */
  #settle(nowMs: number): void {
    const leaving = this.#carryOut();
    const writing = this.#writer.flush(nowMs);
    if ((leaving || writing) && this.applies.waiting > APPLY_AT_ONCE_MAX) this.#applyTurns.ask();
    else this.#apply();
  }

  /** A slice of what is committed, and whatever the machine says to that. */
  #apply(): void {
    const appliedIndex = this.applies.runSlice();
    if (appliedIndex !== null) {
      this.#options.raft.onApplied(appliedIndex);
      this.#carryOut();
      this.#writer.flush(this.#options.clock.monotonicMs());
    }
    for (const listener of this.#listeners) listener.onTurnEnd?.();
    if (this.applies.hasMore) this.#applyTurns.ask();
  }

  /**
   * Raft messages, then a tick when one is due, then proposals: never while a write is under way. A tick
   * that makes the machine do nothing is counted first, as it passed before what came in now.
   */
  #drain(budget: TurnBudget, ticks: number): void {
    const { control, appends } = this.#lanes;
    const idle = Math.min(ticks, this.#options.raft.idleTicks);
    this.#tick(idle);
    while (control.size > 0 && budget.take()) this.#step(control.shift());
    this.#tick(ticks - idle);
    while (appends.size > 0 && budget.take()) this.#step(appends.shift());
    for (const id of this.#lanes.takeGone()) this.#options.raft.onGone(id);
    if (!this.#writer.busy) this.#proposals.propose(budget);
    // What came in may have brought the next election nearer than it was when the ticks were taken.
    this.#timer.replan();
  }

  #step(message: Message | undefined): void {
    if (message === undefined) return;
    if (message.type === 'snapshotChunk') this.#snapshots.onChunk(message);
    else if (message.type === 'snapshotAck') this.#snapshots.onAck(message);
    this.#options.raft.step(message);
  }

  /** True when messages are on their way out. */
  #carryOut(): boolean {
    let leaving = false;
    for (let outputs = 0; ; outputs += 1) {
      assert(outputs < OUTPUTS_PER_TURN_MAX, 'the machine comes to rest within a turn');
      const output = this.#options.raft.takeOutput();
      if (output === null) return leaving;
      if (this.#execute(output)) leaving = true;
    }
  }

  /** True when a message left. */
  #execute(output: Output): boolean {
    let leaving = false;
    for (const message of output.sendNow) if (this.#news.send(message)) leaving = true;
    if (output.persist !== null && output.persist.snapshot !== null) {
      this.overlay.clear();
      this.applies.suspend();
    }
    this.#writer.add(output.persist, output.afterPersist);
    this.applies.add(output.apply);
    for (const round of output.rounds) this.#onRound(round);
    for (const wanted of output.fetch) this.#reads.fetch(wanted);
    for (const to of output.snapshotsWanted) this.#snapshots.send(to, this.#role.term);
    if (output.role !== null) this.#onRole(output.role);
    return leaving;
  }

  #onRound(outcome: RoundOutcome): void {
    const begunMs = this.rounds.onOutcome(outcome);
    if (begunMs === null || outcome.outcome !== 'confirmed') return;
    const tookMs = this.nowMs() - begunMs;
    for (const listener of this.#listeners) listener.onRoundEnded?.(tookMs);
  }

  #onRole(role: RoleChange): void {
    const before = this.#role;
    this.#role = role;
    this.#timer.replan();
    const ended = before.role === 'leader' && (role.role !== 'leader' || role.term !== before.term);
    if (ended) {
      this.#proposals.loseAll(role.leader);
      this.rounds.loseAll();
    }
    const { role: now, term, leader, why } = role;
    if (before.role !== now || before.leader !== leader || before.term !== term) {
      this.#options.log.info('raft role', { role: now, term, leader, why });
    }
    for (const listener of this.#listeners) listener.onRole?.(role);
  }

  #onPersisted(batch: PersistBatch | null): void {
    if (batch !== null) this.#options.raft.onPersisted(batch.seq);
    if (batch !== null && batch.snapshot !== null) this.#restore(batch.snapshot);
    if (this.#hasMore()) this.schedule();
    // Nothing came in meanwhile: what the write sets free waits for no turn of its own.
    else if (!this.#turns.asked) this.#settle(this.#options.clock.monotonicMs());
  }

  /** A received snapshot is on disk: the machine hands out nothing to apply before it is loaded. */
  #restore(meta: SnapshotMeta): void {
    this.#reads.load((store) => {
      this.applies.restoredTo(store, meta);
      this.feed((raft) => raft.onApplied(meta.index));
      this.#snapshots.onRestored(meta.index);
      for (const listener of this.#listeners) listener.onRestored?.();
    });
  }

  #tick(count: number): void {
    if (count === 0) return;
    const { raft, clock, electionTimeoutMs } = this.#options;
    raft.onWriteStall(this.#writer.stallMs(clock.monotonicMs()), electionTimeoutMs);
    for (let ticks = 0; ticks < count; ticks += 1) raft.tick();
    this.#compactor.runWhenDue();
    this.#options.storage.confirm();
    for (const listener of this.#listeners) listener.onTick?.();
  }

  #hasMore(): boolean {
    const proposable = this.#proposals.waiting > 0 && !this.#writer.busy;
    return proposable || this.#lanes.hasMessages;
  }

  #guarded(run: () => void): void {
    if (this.#closed) return;
    try {
      run();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends everything: nothing may follow a broken invariant or a failed disk (architecture G7). */
  fail(error: unknown): void {
    if (this.#closed) return;
    this.#close();
    this.#options.onFatal(error);
  }

  #close(): void {
    this.#closed = true;
    this.#timer.stop();
    this.#turns.stop();
    this.#applyTurns.stop();
    this.#news.stop();
  }
}

function sendAll(links: PeerLinks, messages: readonly Message[]): void {
  for (const message of messages) links.send(message);
}
