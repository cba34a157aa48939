import type { EventStore } from '#libs/event-store';
import { assert, type Clock, type MonotonicMs } from '#libs/kernel';
import type {
  FetchRequest,
  LogIndex,
  MemberId,
  Message,
  Output,
  PersistBatch,
  RaftMachine,
  RaftStatus,
  RoleChange,
  SnapshotMeta,
  Term,
} from '#libs/raft';
import type { Log } from '../log.ts';
import { ApplyQueue } from './apply-queue.ts';
import { COMPACTION, type CompactionLimits, Compactor } from './compactor.ts';
import { GridTimer } from './grid-timer.ts';
import { GroupWriter } from './group-writer.ts';
import { InputLanes } from './input-lanes.ts';
import { loadEventStore } from './load-event-store.ts';
import type { HostStorage, PeerLinks } from './ports.ts';
import { OutstandingProposals, type ProposalLoss, type ProposalOwner } from './proposals.ts';
import { type RoundOwner, RoundScheduler } from './round-scheduler.ts';
import { Snapshotter, type SnapshotterOptions } from './snapshotter.ts';
import { StateOverlay } from './state-overlay.ts';
import { TurnBudget } from './turn-budget.ts';

export type RaftHostOptions = {
  readonly raft: RaftMachine;
  readonly store: EventStore;
  readonly storage: HostStorage & SnapshotterOptions['storage'];
  readonly links: PeerLinks;
  readonly clock: Clock;
  readonly log: Log;
  readonly tickMs: number;
  readonly electionTimeoutMs: number;
  readonly applied: { readonly index: LogIndex; readonly term: Term };
  readonly compaction?: CompactionLimits;
  /** An invariant broke or storage failed: the process must end, nothing may follow. */
  readonly onFatal: (error: unknown) => void;
};

/** What other parts of the controller may follow; called inside the loop, so they return quickly. */
export interface HostListener {
  onRole?(role: RoleChange): void;
  onTick?(): void;
  /** Before a confirmation round may begin in this turn. */
  onBeforeRounds?(): void;
  /** The whole state was replaced by a snapshot; no events tell of the difference. */
  onRestored?(): void;
  /** After everything that this turn applied; `events` of all clusters in log order. */
  onTurnEnd?(): void;
}

/** An output may call for another at once (apply, then serving); more rounds than this are a fault. */
const OUTPUTS_PER_TURN_MAX = 16;

/**
 * The one loop around the consensus machine (reference/raft.md 2.4): inputs by class within a budget,
 * one output, one write for all that piled up, messages in parallel to it, apply in slices.
 */
export class RaftHost {
  readonly rounds: RoundScheduler;
  readonly overlay = new StateOverlay();
  readonly applies: ApplyQueue;
  readonly #options: RaftHostOptions;
  readonly #lanes = new InputLanes();
  readonly #outstanding = new OutstandingProposals();
  readonly #writer: GroupWriter;
  readonly #timer: GridTimer;
  readonly #snapshots: Snapshotter;
  readonly #compactor: Compactor;
  readonly #listeners: HostListener[] = [];
  readonly #runTurn = (): void => this.#turn();
  #role: RoleChange = { role: 'follower', term: 0, leader: 0, serving: false };
  #scheduled = false;
  #tickDue = false;
  #closed = false;

  constructor(options: RaftHostOptions) {
    const { raft, store, storage, links, clock, applied } = options;
    this.#options = options;
    this.rounds = new RoundScheduler(raft);
    this.applies = new ApplyQueue(store, this.overlay, this.#outstanding, clock, applied);
    this.#writer = new GroupWriter({
      storage,
      overlay: this.overlay,
      clock,
      applied: () => this.applies.mark(),
      send: (messages) => sendAll(links, messages),
      persisted: (batch) => this.#guarded(() => this.#onPersisted(batch)),
      failed: (error) => this.fail(error),
    });
    this.#snapshots = new Snapshotter({
      self: raft.status().self,
      storage,
      links,
      log: options.log,
      feed: (input) => this.feed(input),
      failed: (error) => this.fail(error),
    });
    this.#compactor = new Compactor(
      storage,
      (input) => this.feed(input),
      (error) => this.fail(error),
      options.compaction ?? COMPACTION,
    );
    this.#timer = new GridTimer(clock, options.tickMs, (lateMs) => this.#onPeriod(lateMs));
  }

  get store(): EventStore {
    return this.applies.store;
  }

  get role(): RoleChange {
    return this.#role;
  }

  /** Leader, and its own-term entry is applied: it may decide, renew and propose. */
  get serving(): boolean {
    return this.#role.serving && this.#role.role === 'leader';
  }

  nowMs(): MonotonicMs {
    return this.#options.clock.monotonicMs();
  }

  get writeStallMs(): number {
    return this.#writer.stallMs(this.#options.clock.monotonicMs());
  }

  get proposalsWaiting(): number {
    return this.#lanes.proposals.size + this.#outstanding.size;
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
    this.#timer.stop();
    this.#closed = true;
    this.#loseProposals({ code: 'NOT_LEADER', outcome: 'unknown', leader: 0 });
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
    } else if (this.#lanes.addProposal({ payload, owner })) {
      this.schedule();
    } else {
      owner.onLost({ code: 'OVERLOADED', outcome: 'notApplied', leader: this.#role.leader });
    }
  }

  /** Confirms leadership by a round that begins after this call. */
  confirm(owner: RoundOwner): void {
    if (!this.serving || this.#closed) {
      owner.onUnconfirmed();
      return;
    }
    this.rounds.request(owner);
    this.schedule();
  }

  transferLeadership(to: MemberId): boolean {
    const result = this.#options.raft.transferLeadership(to);
    this.schedule();
    return result.accepted;
  }

  onUnreachable(id: MemberId): void {
    this.#options.raft.onUnreachable(id);
    this.schedule();
  }

  /** For parts that feed the machine beside the loop (snapshots): runs inside its guard. */
  feed(input: (raft: RaftMachine) => void): void {
    this.#guarded(() => input(this.#options.raft));
    this.schedule();
  }

  schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(this.#runTurn);
  }

  #turn(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    this.#guarded(() => {
      const budget = new TurnBudget(this.#options.clock);
      this.#drain(budget);
      const nowMs = this.#options.clock.monotonicMs();
      for (const listener of this.#listeners) listener.onBeforeRounds?.();
      this.rounds.beginWhenDue(nowMs);
      this.#carryOut();
      this.#writer.flush(nowMs);
      for (const listener of this.#listeners) listener.onTurnEnd?.();
      if (this.#hasMore()) this.schedule();
    });
  }

  /** Raft messages, then a tick when one is due, then proposals: never while a write is under way. */
  #drain(budget: TurnBudget): void {
    const { raft } = this.#options;
    const { control, appends, proposals } = this.#lanes;
    while (control.size > 0 && budget.take()) this.#step(control.shift());
    if (this.#tickDue) this.#tick();
    while (appends.size > 0 && budget.take()) this.#step(appends.shift());
    if (proposals.size === 0 || this.#writer.busy) return;
    const batch = [];
    while (proposals.size > 0 && budget.take()) {
      const proposal = proposals.shift();
      if (proposal !== undefined) batch.push(proposal);
    }
    if (batch.length === 0) return;
    const result = raft.propose(batch.map((proposal) => proposal.payload));
    if (result.accepted) {
      let index = result.firstIndex;
      for (const { owner } of batch) {
        this.#outstanding.add(index, result.term, owner);
        index += 1;
      }
      return;
    }
    const overloaded = result.refusal === 'tooMuchUncommitted';
    const code = overloaded ? 'OVERLOADED' : 'NOT_LEADER';
    const loss: ProposalLoss = { code, outcome: 'notApplied', leader: result.leader };
    for (const { owner } of batch) owner.onLost(loss);
  }

  #step(message: Message | undefined): void {
    if (message === undefined) return;
    if (message.type === 'snapshotChunk') this.#snapshots.onChunk(message);
    else if (message.type === 'snapshotAck') this.#snapshots.onAck(message);
    this.#options.raft.step(message);
  }

  #carryOut(): void {
    const { raft } = this.#options;
    for (let outputs = 0; ; outputs += 1) {
      assert(outputs < OUTPUTS_PER_TURN_MAX, 'the machine comes to rest within a turn');
      const output = raft.takeOutput();
      if (output !== null) this.#execute(output);
      const appliedIndex = this.applies.runSlice();
      if (appliedIndex !== null) raft.onApplied(appliedIndex);
      if (output === null && appliedIndex === null) return;
    }
  }

  #execute(output: Output): void {
    sendAll(this.#options.links, output.sendNow);
    if (output.persist !== null && output.persist.snapshot !== null) {
      this.overlay.clear();
      this.applies.suspend();
    }
    this.#writer.add(output.persist, output.afterPersist);
    this.applies.add(output.apply);
    for (const round of output.rounds) this.rounds.onOutcome(round);
    for (const wanted of output.fetch) this.#fetch(wanted);
    for (const to of output.snapshotsWanted) {
      this.#snapshots.send(to, this.#role.term);
    }
    if (output.role !== null) this.#onRole(output.role);
  }

  #onRole(role: RoleChange): void {
    const before = this.#role;
    this.#role = role;
    const ended = before.role === 'leader' && (role.role !== 'leader' || role.term !== before.term);
    if (ended) {
      this.#loseProposals({ code: 'LEADERSHIP_LOST', outcome: 'unknown', leader: role.leader });
      this.rounds.loseAll();
    }
    const { log } = this.#options;
    if (before.role !== role.role || before.leader !== role.leader || before.term !== role.term) {
      log.info('raft role', { role: role.role, term: role.term, leader: role.leader });
    }
    for (const listener of this.#listeners) listener.onRole?.(role);
  }

  #loseProposals(loss: ProposalLoss): void {
    this.#outstanding.loseAll(loss.leader);
    const waiting = this.#lanes.proposals;
    const notApplied: ProposalLoss = { ...loss, code: 'NOT_LEADER', outcome: 'notApplied' };
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      next.owner.onLost(notApplied);
    }
  }

  #fetch(wanted: FetchRequest): void {
    const { storage } = this.#options;
    const { to, fromIndex, maxBytes } = wanted;
    storage.readEntries(fromIndex, Number.MAX_SAFE_INTEGER, maxBytes).then(
      (entries) => this.feed((raft) => raft.onFetched(to, fromIndex, entries)),
      (error: unknown) => this.fail(error),
    );
  }

  #onPersisted(batch: PersistBatch | null): void {
    if (batch !== null) this.#options.raft.onPersisted(batch.seq);
    if (batch !== null && batch.snapshot !== null) this.#restore(batch.snapshot);
    this.schedule();
  }

  /** A received snapshot is on disk: the machine hands out nothing to apply before it is loaded. */
  #restore(meta: SnapshotMeta): void {
    loadEventStore(this.#options.storage).then(
      (store) => {
        this.applies.restoredTo(store, meta.index, meta.term);
        this.feed((raft) => raft.onApplied(meta.index));
        this.#snapshots.onRestored(meta.index);
        for (const listener of this.#listeners) listener.onRestored?.();
      },
      (error: unknown) => this.fail(error),
    );
  }

  /**
   * After a stall the sockets are read first: a timer must not act on a silence that is only our own
   * (reference/raft.md 2.5).
   */
  #onPeriod(lateMs: number): void {
    const stalled = lateMs > this.#options.electionTimeoutMs / 2;
    if (stalled) this.#options.log.warn('the event loop stalled', { lateMs: Math.round(lateMs) });
    const due = (): void => {
      this.#tickDue = true;
      this.schedule();
    };
    if (stalled) setImmediate(() => setImmediate(due));
    else due();
  }

  #tick(): void {
    const { raft, clock, electionTimeoutMs } = this.#options;
    this.#tickDue = false;
    raft.onWriteStall(this.#writer.stallMs(clock.monotonicMs()), electionTimeoutMs);
    raft.tick();
    this.#compactor.runWhenDue();
    for (const listener of this.#listeners) listener.onTick?.();
  }

  #hasMore(): boolean {
    const proposable = this.#lanes.proposals.size > 0 && !this.#writer.busy;
    return proposable || this.#lanes.hasMessages || this.applies.hasMore;
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
    this.#closed = true;
    this.#timer.stop();
    this.#options.onFatal(error);
  }
}

function sendAll(links: PeerLinks, messages: readonly Message[]): void {
  for (const message of messages) links.send(message);
}
