import { decideCommand, type OperatorCommand, type RecordedEvent } from '#libs/cluster';
import { EventStore } from '#libs/event-store';
import { type Clock, epochMs, type MonotonicMs, seededPrng } from '#libs/kernel';
import {
  DecisionLoop,
  ExpiryWatch,
  LeaseLook,
  PositionGossip,
  ProposalIntake,
  type ProposalOwner,
  proposeCommand,
  Releases,
  Renewals,
  type ReplicatedLog,
  type RoundOwner,
  type RoundPace,
  RoundScheduler,
  Service,
  TurnBudget,
} from '#libs/leader';
import { CappedTime, Silence } from '#libs/lease';
import type { ControllerMessage } from '#libs/protocol';
import {
  createRaft,
  type LogEntry,
  type LogIndex,
  type MemberId,
  type Message,
  type PersistBatch,
  type RaftMachine,
  type RoleChange,
} from '#libs/raft';
import { between, CLUSTER, count, say } from './cluster-world.ts';
import { ControllerAgents } from './controller-agents.ts';
import { initialState, persist } from './controller-disk.ts';
import { ControllerGuards } from './controller-guards.ts';
import type { SimController } from './sim-controller.ts';

const TICK_MS = 50;
const RAFT_TICKS = { heartbeatTicks: 2, answerTicks: 4, electionTicks: 10 };
const ELECTION_MS = TICK_MS * RAFT_TICKS.electionTicks;
const GOSSIP_TICKS = 4;
const GOSSIP_TURNS = 5;
const QUIET = { info: () => undefined, warn: () => undefined, error: () => undefined };
/** Who leads, as far as this controller knows. */
export type LeaderWord = { readonly name: string | null; readonly term: number };

/** A running controller: the production machine, store and rules around a small loop. */
export class ControllerLife implements ReplicatedLog {
  readonly raft: RaftMachine;
  readonly store: EventStore;
  readonly applies: { whenApplied(index: LogIndex, reached: () => void): void };
  role: RoleChange = { role: 'follower', term: 0, leader: 0, serving: false, why: 'started' };
  service: Service | null = null;
  appliedIndex: LogIndex = 0;
  readonly decisions: DecisionLoop;
  readonly guards = new ControllerGuards(this);
  readonly agents = new ControllerAgents(this);
  readonly #time: CappedTime;
  readonly #gossip: PositionGossip;
  readonly #rounds: RoundScheduler;
  readonly #proposals: ProposalIntake;
  readonly renewals: Renewals;
  readonly releases: Releases;
  readonly #expiry: ExpiryWatch;
  readonly heard: Silence;
  readonly #clock: Clock;
  #barriers: { readonly index: LogIndex; readonly reached: () => void }[] = [];
  #inbox: Message[] = [];
  #toApply: LogEntry[] = [];
  #toWrite: { readonly batch: PersistBatch | null; readonly after: readonly Message[] }[] = [];
  #writing = false;
  #scheduled = false;
  #tickDue = false;
  readonly #leaseLook: LeaseLook<Service>;
  #ticks = 0;
  #announced = '';

  constructor(
    readonly seat: SimController,
    life: number,
  ) {
    const { world, host, disk } = seat;
    const wallMs = world.swarm.wallErrorMs * (seat.id - 2);
    this.#clock = {
      nowMs: () => epochMs(Math.round(1_000_000 + wallMs + host.nowMs())),
      monotonicMs: () => host.nowMs(),
      bootMs: () => host.nowMs(),
    };
    const limits = {
      ...RAFT_TICKS,
      maxAppendBytes: 65_536,
      maxInflightAppends: 64,
      maxInflightBytes: 1_000_000,
      maxUncommittedBytes: 1_000_000,
      cacheBytes: 1_000_000,
    };
    const seed = world.swarm.seed * 31 + seat.id * 7 + life * 1_009;
    const initial = initialState(disk, seat.membership);
    this.raft = createRaft({ ...limits, self: seat.id }, initial, seededPrng(seed));
    this.store = new EventStore(world.handles);
    this.applies = { whenApplied: (index, reached) => this.whenApplied(index, reached) };
    this.#time = new CappedTime(3 * TICK_MS, this.nowMs());
    this.#gossip = new PositionGossip(this.#time);
    this.#rounds = new RoundScheduler(this.raft);
    this.#proposals = new ProposalIntake(this.raft);
    const service = (): Service | null => this.service;
    const common = { host: this, clock: this.#clock, log: QUIET };
    this.decisions = new DecisionLoop({ ...common, service });
    this.renewals = new Renewals(this, service, world.swarm.renewalsPerSecond);
    this.releases = new Releases(this, this.#clock, QUIET, service);
    this.#expiry = new ExpiryWatch({
      ...common,
      network: {
        isUp: (id) => this.#reaches(id),
        tellAll: (message) => this.#tellAll(message),
      },
      decisions: this.decisions,
      electionTimeoutMs: ELECTION_MS,
    });
    this.#leaseLook = new LeaseLook({
      ...{ time: this.#time, tickMs: TICK_MS },
      look: (leading) => this.#expiry.tick(leading),
      wakeAfterMs: (delayMs) => this.seat.process.after(delayMs + 0.1, () => this.#lookSoon()),
    });
    this.heard = new Silence(this.#time, 0, this.nowMs());
    this.#tickLoop();
    this.schedule();
  }

  // The replicated log, as the leader's parts use it

  nowMs(): MonotonicMs {
    return this.seat.host.nowMs();
  }

  get serving(): boolean {
    return this.role.serving && this.role.role === 'leader';
  }

  status(): ReturnType<RaftMachine['status']> {
    return this.raft.status();
  }

  propose(payload: Uint8Array, owner: ProposalOwner): void {
    if (!this.serving) {
      owner.onLost({ code: 'NOT_LEADER', outcome: 'notApplied', leader: this.role.leader });
    } else {
      this.#proposals.add(payload, this.seat.world.oracle.proposed(owner, this.seat));
      this.schedule();
    }
  }

  confirm(owner: RoundOwner, pace: RoundPace = 'at-once'): void {
    if (!this.serving) owner.onUnconfirmed();
    else this.#rounds.request(owner, pace);
    this.schedule();
  }

  transferLeadership(to: MemberId): boolean {
    count(this.seat.world, 'transfers');
    const { accepted } = this.raft.transferLeadership(to);
    this.schedule();
    return accepted;
  }

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.seat.process.after(between(this.seat.world, 0.02, 0.3), () => this.turn());
  }

  turn(): void {
    this.#scheduled = false;
    const budget = new TurnBudget(this.#clock);
    const inbox = this.#inbox;
    if (inbox.length > 0) this.#inbox = [];
    for (const message of inbox) this.raft.step(message);
    if (this.#tickDue) this.#tick();
    if (!this.#writing) this.#proposals.propose(budget);
    this.#leaseLook.turn(this.nowMs(), this.service);
    this.renewals.beginRound();
    this.#rounds.beginWhenDue(this.nowMs());
    this.#carryOut();
    this.#apply();
    this.#flush();
    if (this.#proposals.waiting > 0 && !this.#writing) this.schedule();
  }

  #carryOut(): void {
    for (let output = this.raft.takeOutput(); output !== null; output = this.raft.takeOutput()) {
      for (const message of output.sendNow) this.#send(message);
      if (output.persist !== null || output.afterPersist.length > 0) {
        this.#toWrite.push({ batch: output.persist, after: output.afterPersist });
      }
      this.#toApply.push(...output.apply);
      for (const round of output.rounds) this.#rounds.onOutcome(round);
      for (const { to, fromIndex } of output.fetch) {
        const entries = this.seat.disk.entries.slice(fromIndex - 1, fromIndex + 63);
        this.seat.process.after(0.5, () => {
          this.raft.onFetched(to, fromIndex, entries);
          this.schedule();
        });
      }
      if (output.role !== null) this.#onRole(output.role);
    }
  }

  #flush(): void {
    if (this.#writing || this.#toWrite.length === 0) return;
    this.#writing = true;
    const writes = this.#toWrite;
    this.#toWrite = [];
    const { process, world, disk } = this.seat;
    const latencyMs = writes.some(({ batch }) => batch !== null)
      ? between(world, 0.3, world.swarm.controllerWriteMs)
      : 0;
    process.after(latencyMs, () => {
      this.#writing = false;
      for (const { batch, after } of writes) {
        if (batch !== null) persist(disk, batch);
        for (const message of after) this.#send(message);
        if (batch !== null) this.raft.onPersisted(batch.seq);
      }
      this.schedule();
    });
  }

  #apply(): void {
    if (this.#toApply.length > 0) {
      for (const entry of this.#toApply.splice(0)) this.#applyEntry(entry);
      this.raft.onApplied(this.appliedIndex);
      const reached = this.#barriers.filter(({ index }) => index <= this.appliedIndex);
      this.#barriers = this.#barriers.filter(({ index }) => index > this.appliedIndex);
      for (const barrier of reached) barrier.reached();
      this.#carryOut();
    }
    this.decisions.run();
  }

  #applyEntry(entry: LogEntry): void {
    this.appliedIndex = entry.index;
    const owner = this.#proposals.take(entry.index, entry.term);
    if (entry.kind !== 'command') return;
    const applied = this.seat.applied.apply(this.store, entry);
    if (applied.events.length > 0) this.#onEvents(applied.events, owner);
    owner?.onApplied(entry.index, applied);
  }

  whenApplied(index: LogIndex, reached: () => void): void {
    if (index <= this.appliedIndex) reached();
    else this.#barriers.push({ index, reached });
  }

  #tickLoop(): void {
    this.seat.process.after(TICK_MS, () => {
      this.#tickDue = true;
      this.schedule();
      this.#tickLoop();
    });
  }

  #tick(): void {
    this.#tickDue = false;
    this.raft.tick();
    this.#ticks += 1;
    const { service } = this;
    if (service === null) return;
    this.#leaseLook.ask();
    this.decisions.ticked();
    if (this.#ticks % GOSSIP_TICKS !== 0) return;
    for (const positions of this.#gossip.messages(service.observations, GOSSIP_TURNS)) {
      this.#tellAll({ type: 'positions', positions });
    }
  }

  #lookSoon(): void {
    this.#leaseLook.ask();
    this.schedule();
  }

  #onRole(role: RoleChange): void {
    const before = this.role;
    this.role = role;
    const ended = before.role === 'leader' && (role.role !== 'leader' || role.term !== before.term);
    if (ended) {
      this.#proposals.loseAll(role.leader);
      this.#rounds.loseAll();
    }
    if (!this.serving) this.service = null;
    else if (this.service?.term !== role.term) {
      say(this.seat.world, `${this.seat.name} serves`, role.term);
      count(this.seat.world, 'leaders');
      this.service = new Service(role.term, this.#time, this.#clock, this.store.clusters());
      this.#gossip.seed(this.service.observations, this.nowMs());
      this.decisions.allChanged();
    }
    this.#announceLeader();
  }

  #onEvents(events: readonly RecordedEvent[], owner: ProposalOwner | null | undefined): void {
    const state = this.store.cluster(CLUSTER);
    if (state === null) return;
    this.seat.world.oracle.applied(events, state, { at: this.seat, owner });
    this.service?.follow(state, events);
    for (const { event, cluster } of events) {
      if (event.type === 'BrakeUsed') this.#expiry.used(cluster, event.epoch);
    }
    this.decisions.changed(CLUSTER);
    this.agents.tellEvents(events);
    if (events.some(({ event }) => event.type === 'LeaseGranted')) this.guards.tellAllGranted();
  }

  #send(message: Message): void {
    const to = this.other(message.to);
    to?.deliverFrom(this.seat.host, (life) => {
      life.#inbox.push(message);
      life.schedule();
    });
  }

  #tellAll(message: ControllerMessage): void {
    for (const { id } of this.seat.membership.members) {
      if (id !== this.seat.id) this.#tell(id, message);
    }
  }

  #tell(id: MemberId, message: ControllerMessage): void {
    this.other(id)?.deliverFrom(this.seat.host, (life) => life.#told(message, this.seat));
  }

  #told(message: ControllerMessage, from: SimController): void {
    if (message.type === 'heardInquiry') {
      const heard = this.heard.heardWithin(message.guard, message.withinMs);
      this.#tell(from.id, { type: 'heardAnswer', inquiry: message.inquiry, heard });
    } else if (message.type === 'heardAnswer') {
      this.#expiry.answered(message.inquiry, from.id, message.heard);
      this.#lookSoon();
    } else if (message.type === 'positions') {
      this.#gossip.heard(message.positions, this.nowMs());
    }
  }

  other(id: MemberId): SimController | undefined {
    // Numbered from 1 in their order, and asked for with each message.
    return this.seat.world.controllers[id - 1];
  }

  #reaches(id: MemberId): boolean {
    const other = this.other(id);
    if (other === undefined || !other.process.alive) return false;
    return this.seat.world.network.connects(this.seat.host, other.host);
  }

  leaderWord(): LeaderWord {
    const { role, leader, serving, term } = this.role;
    const unknown = leader === 0 || (role === 'leader' && !serving);
    return { name: unknown ? null : `c${leader}`, term };
  }

  #announceLeader(): void {
    const word = this.leaderWord();
    const key = `${word.name} ${word.term}`;
    if (key === this.#announced) return;
    this.#announced = key;
    this.guards.tellLeader(word);
    this.agents.tellLeader(word);
  }

  /** True when it was decided and proposed. */
  order(command: OperatorCommand): boolean {
    const { service } = this;
    const state = this.store.cluster(CLUSTER);
    if (service === null || state === null) return false;
    const observations = service.observations.of(state.name, service.leaseOf(state));
    const verdict = decideCommand({ state, observations }, command);
    say(this.seat.world, `order ${command.type} ${verdict.kind}`);
    if (verdict.kind !== 'decided') return false;
    count(this.seat.world, `${command.type}s`);
    const { rule, events } = verdict.decision;
    this.append(state.version, rule, events);
    return true;
  }

  append(expectedVersion: number, rule: string, events: readonly RecordedEvent['event'][]): void {
    const at = this.#clock.nowMs();
    const cause = { by: 'operator', rule };
    proposeCommand(
      this,
      { type: 'append', cluster: CLUSTER, expectedVersion, at, cause, events },
      { onApplied: () => undefined, onLost: () => undefined },
    );
  }
}
