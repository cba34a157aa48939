import {
  type AgentReport,
  decideCommand,
  goalOf,
  guardTimes,
  leaseTimingOf,
  type OperatorCommand,
  type RecordedEvent,
} from '#libs/cluster';
import { EventStore } from '#libs/event-store';
import { type Clock, epochMs, type MonotonicMs, seededPrng } from '#libs/kernel';
import {
  DecisionLoop,
  ExpiryWatch,
  type GuardIdentity,
  type GuardLink,
  PositionGossip,
  ProposalIntake,
  type ProposalOwner,
  proposeCommand,
  Releases,
  Renewals,
  type ReplicatedLog,
  type RoundOwner,
  RoundScheduler,
  Service,
  TurnBudget,
} from '#libs/leader';
import { CappedTime, Silence } from '#libs/lease';
import type { Confirmation, ControllerMessage, GuardAnswer, GuardRequest } from '#libs/protocol';
import {
  createRaft,
  type HardState,
  type InitialState,
  type LogEntry,
  type LogIndex,
  type MemberId,
  type Membership,
  type Message,
  type PersistBatch,
  type RaftMachine,
  type RoleChange,
  type TermRun,
} from '#libs/raft';
import { between, CLUSTER, type ClusterWorld, count, say } from './cluster-world.ts';
import type { AgentLife } from './sim-agent.ts';
import type { GuardLife } from './sim-guard.ts';
import { type SimHost, SimProcess } from './sim-host.ts';

const TICK_MS = 50;
const HEARTBEAT_TICKS = 2;
const ELECTION_TICKS = 10;
const ELECTION_MS = TICK_MS * ELECTION_TICKS;
const GOSSIP_TICKS = 4;
const FOUNDING = 'group';
const QUIET = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** One controller over all its lives, with what is on its disk. */
export class SimController {
  readonly process: SimProcess;
  readonly disk: { hardState: HardState; readonly entries: LogEntry[] } = {
    hardState: { term: 0, vote: 0 },
    entries: [],
  };
  life: ControllerLife | null = null;
  #lives = 0;

  constructor(
    readonly id: MemberId,
    readonly host: SimHost,
    readonly membership: Membership,
    readonly world: ClusterWorld,
  ) {
    this.process = new SimProcess(host, `c${id}`, false);
  }

  get name(): string {
    return `c${this.id}`;
  }

  start(): void {
    if (this.process.alive || !this.host.up) return;
    this.process.begin();
    this.#lives += 1;
    this.life = new ControllerLife(this, this.#lives);
  }

  kill(): void {
    if (!this.process.alive) return;
    say(this.world, `${this.name} killed`);
    this.process.end();
    this.life = null;
  }

  /** A message for the life that the connection was opened to. */
  deliverFrom(from: SimHost, take: (life: ControllerLife) => void): void {
    const { life } = this;
    if (life === null) return;
    this.world.network.send(from, this.host, () => {
      this.process.deliver(() => {
        if (this.life === life) take(life);
      });
    });
  }
}

type Asked = { readonly answer: (confirmation: Confirmation) => void };

/** A running controller: the production machine, store and rules around a small loop. */
export class ControllerLife implements ReplicatedLog {
  readonly raft: RaftMachine;
  readonly store: EventStore;
  readonly applies: { whenApplied(index: LogIndex, reached: () => void): void };
  role: RoleChange = { role: 'follower', term: 0, leader: 0, serving: false };
  service: Service | null = null;
  appliedIndex: LogIndex = 0;
  readonly decisions: DecisionLoop;
  readonly #time: CappedTime;
  readonly #gossip: PositionGossip;
  readonly #rounds: RoundScheduler;
  readonly #proposals: ProposalIntake;
  readonly #renewals: Renewals;
  readonly #releases: Releases;
  readonly #expiry: ExpiryWatch;
  readonly #heard: Silence;
  readonly #guards = new Set<GuardLife>();
  readonly #agents = new Map<AgentLife, { subscribed: boolean }>();
  readonly #clock: Clock;
  #barriers: { readonly index: LogIndex; readonly reached: () => void }[] = [];
  #inbox: Message[] = [];
  #toApply: LogEntry[] = [];
  #toWrite: { readonly batch: PersistBatch | null; readonly after: readonly Message[] }[] = [];
  #writing = false;
  #scheduled = false;
  #tickDue = false;
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
      heartbeatTicks: HEARTBEAT_TICKS,
      electionTicks: ELECTION_TICKS,
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
    this.applies = { whenApplied: (index, reached) => this.#whenApplied(index, reached) };
    this.#time = new CappedTime(3 * TICK_MS, this.nowMs());
    this.#gossip = new PositionGossip(this.#time);
    this.#rounds = new RoundScheduler(this.raft);
    this.#proposals = new ProposalIntake(this.raft);
    const service = (): Service | null => this.service;
    const common = { host: this, clock: this.#clock, log: QUIET };
    this.decisions = new DecisionLoop({ ...common, service });
    this.#renewals = new Renewals(this, service);
    this.#releases = new Releases(this, this.#clock, QUIET);
    this.#expiry = new ExpiryWatch({
      ...common,
      network: {
        isUp: (id) => this.#reaches(id),
        tellAll: (message) => this.#tellAll(message),
      },
      decisions: this.decisions,
      electionTimeoutMs: ELECTION_MS,
    });
    this.#heard = new Silence(this.#time, 0, this.nowMs());
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
      this.#proposals.add(payload, owner);
      this.schedule();
    }
  }

  confirm(owner: RoundOwner): void {
    if (!this.serving) owner.onUnconfirmed();
    else {
      this.#rounds.request(owner);
      this.schedule();
    }
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
    this.seat.process.after(between(this.seat.world, 0.02, 0.3), () => this.#turn());
  }

  // The loop

  #turn(): void {
    this.#scheduled = false;
    const budget = new TurnBudget(this.#clock);
    for (const message of this.#inbox.splice(0)) this.raft.step(message);
    if (this.#tickDue) this.#tick();
    if (!this.#writing) this.#proposals.propose(budget);
    this.#time.turn(this.nowMs(), true);
    this.#renewals.beginRound();
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
    const applied = this.store.apply(entry.index, entry.payload);
    if (applied.events.length > 0) this.#onEvents(applied.events);
    owner?.onApplied(entry.index, applied);
  }

  #whenApplied(index: LogIndex, reached: () => void): void {
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
    this.#expiry.tick(service);
    this.decisions.allChanged();
    if (this.#ticks % GOSSIP_TICKS !== 0) return;
    for (const positions of PositionGossip.messages(service.observations)) {
      this.#tellAll({ type: 'positions', positions });
    }
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

  #onEvents(events: readonly RecordedEvent[]): void {
    const state = this.store.cluster(CLUSTER);
    if (state === null) return;
    this.seat.world.oracle.applied(events, state, this.seat);
    this.service?.follow(state, events);
    for (const { event, cluster } of events) {
      if (event.type === 'BrakeUsed') this.#expiry.used(cluster, event.epoch);
    }
    this.decisions.changed(CLUSTER);
    for (const [agent, { subscribed }] of this.#agents) {
      if (subscribed) this.#toAgent(agent, () => agent.eventsCame(events, this));
    }
    if (!events.some(({ event }) => event.type === 'LeaseGranted')) return;
    for (const guard of this.#guards) this.#tellGranted(guard);
  }

  // Between controllers

  #send(message: Message): void {
    const to = this.#other(message.to);
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
    this.#other(id)?.deliverFrom(this.seat.host, (life) => life.#told(message, this.seat));
  }

  #told(message: ControllerMessage, from: SimController): void {
    if (message.type === 'heardInquiry') {
      const heard = this.#heard.heardWithin(message.guard, message.withinMs);
      this.#tell(from.id, { type: 'heardAnswer', inquiry: message.inquiry, heard });
    } else if (message.type === 'heardAnswer') {
      this.#expiry.answered(message.inquiry, from.id, message.heard);
    } else if (message.type === 'positions') {
      this.#gossip.heard(message.positions, this.nowMs());
    }
  }

  #other(id: MemberId): SimController | undefined {
    return this.seat.world.controllers.find((other) => other.id === id);
  }

  #reaches(id: MemberId): boolean {
    const other = this.#other(id);
    if (other === undefined || !other.process.alive) return false;
    return this.seat.world.network.connects(this.seat.host, other.host);
  }

  // Guards

  guardConnected(guard: GuardLife): void {
    if (this.#guards.has(guard)) return;
    this.#guards.add(guard);
    this.#toGuard(guard, { type: 'leader', ...this.#leaderWord() });
  }

  fromGuard(guard: GuardLife, request: GuardRequest): void {
    this.guardConnected(guard);
    this.#heard.heard(guardName(guard), this.nowMs());
    if (request.type === 'guardState') this.#tellGranted(guard);
    const link: GuardLink = {
      guard: guardName(guard),
      answer: (answer) => this.#toGuard(guard, answer),
    };
    if (this.service !== null) {
      this.#serve(this.service, link, guard, request);
      return;
    }
    const leader = this.#other(this.role.leader);
    leader?.deliverFrom(this.seat.host, (life) => life.#relayed(this, guard, request));
  }

  /** Through a follower: the answer goes back the same way. */
  #relayed(follower: ControllerLife, guard: GuardLife, request: GuardRequest): void {
    if (this.service === null) return;
    count(this.seat.world, 'relays');
    const answer = (said: GuardAnswer): void =>
      follower.seat.deliverFrom(this.seat.host, (life) => {
        if (life === follower) life.#toGuard(guard, said);
      });
    this.#serve(this.service, { guard: guardName(guard), answer }, guard, request);
  }

  #serve(service: Service, link: GuardLink, guard: GuardLife, request: GuardRequest): void {
    const from: GuardIdentity = { cluster: CLUSTER, instance: guard.node.name };
    if (request.type === 'guardState') {
      const { incarnation, epoch, postmaster } = request;
      const heard = { incarnation, epoch, postmaster, agentAbsentMs: 0 };
      service.observations.guardHeard(from.cluster, from.instance, heard, this.nowMs());
    } else if (request.type === 'renew') {
      if (request.position !== null) {
        this.seat.world.oracle.positionHeard(this, from.instance, request.position);
      }
      this.#renewals.accept(service, link, from, request);
    } else this.#releases.accept(link, from, request);
    this.decisions.changed(CLUSTER);
    this.schedule();
  }

  #toGuard(guard: GuardLife, answer: GuardAnswer): void {
    const { host } = guard.node;
    this.seat.world.network.send(
      this.seat.host,
      host,
      () => {
        if (guard.guard.life === guard) {
          guard.process.deliver(() => guard.answered(this.seat, answer));
        }
      },
      () => {
        this.#guards.delete(guard);
        guard.linkLost(this.seat);
      },
    );
  }

  #tellGranted(guard: GuardLife): void {
    const state = this.store.cluster(CLUSTER);
    if (state?.lease.kind !== 'Held' || state.lease.holder !== guard.node.name) return;
    const { epoch, guard: incarnation } = state.lease;
    this.#toGuard(guard, {
      type: 'granted',
      epoch,
      incarnation,
      ...guardTimes(state.settings, leaseTimingOf(state)),
    });
  }

  #leaderWord(): { readonly name: string | null; readonly term: number } {
    const { role, leader, serving, term } = this.role;
    const unknown = leader === 0 || (role === 'leader' && !serving);
    return { name: unknown ? null : `c${leader}`, term };
  }

  #announceLeader(): void {
    const word = this.#leaderWord();
    const key = `${word.name} ${word.term}`;
    if (key === this.#announced) return;
    this.#announced = key;
    for (const guard of this.#guards) this.#toGuard(guard, { type: 'leader', ...word });
    for (const agent of this.#agents.keys()) {
      this.#toAgent(agent, () => agent.leaderNamed(word.name, word.term, this));
    }
  }

  // Agents

  agentConnected(agent: AgentLife): void {
    if (this.#agents.has(agent)) return;
    this.#agents.set(agent, { subscribed: false });
    const word = this.#leaderWord();
    this.#toAgent(agent, () => agent.leaderNamed(word.name, word.term, this));
  }

  subscribe(agent: AgentLife, sequence: number): void {
    this.agentConnected(agent);
    this.#agents.set(agent, { subscribed: true });
    const state = this.store.cluster(CLUSTER);
    const news = state?.sequence === sequence ? null : state;
    this.#toAgent(agent, () => agent.subscribed(news, this));
  }

  report(agent: AgentLife, report: AgentReport, { answer }: Asked): void {
    const { service } = this;
    this.agentConnected(agent);
    if (service === null) return;
    const state = this.store.cluster(CLUSTER);
    this.seat.world.oracle.reportHeard(this, report, state);
    service.observations.reported(state, CLUSTER, report, this.nowMs());
    this.decisions.changed(CLUSTER);
    this.schedule();
    this.askConfirmation(agent, { answer });
  }

  askConfirmation(agent: AgentLife, { answer }: Asked): void {
    this.#whenConfirmed(() => {
      const state = this.store.cluster(CLUSTER);
      const { version = null, sequence = 0 } = state ?? {};
      const confirmation = { version, sequence, controllersIncarnation: FOUNDING };
      this.#toAgent(agent, () => answer(confirmation));
    });
  }

  askDestruction(agent: AgentLife, version: number, answer: (permitted: boolean) => void): void {
    this.#whenConfirmed(() => {
      const state = this.store.cluster(CLUSTER);
      const stands = state !== null && state.version === version;
      const permitted = stands && goalOf(state, agent.node.name).kind === 'standby';
      this.#toAgent(agent, () => answer(permitted));
    });
  }

  #whenConfirmed(run: () => void): void {
    if (this.service === null) return;
    this.confirm({
      onConfirmed: (index) => this.#whenApplied(index, run),
      onUnconfirmed: () => undefined,
    });
  }

  #toAgent(agent: AgentLife, run: () => void): void {
    const { host } = agent.node;
    this.seat.world.network.send(
      this.seat.host,
      host,
      () => {
        if (agent.node.agent.life === agent) agent.process.deliver(run);
      },
      () => {
        this.#agents.delete(agent);
        agent.linkLost(this.seat);
      },
    );
  }

  // Operators

  order(command: OperatorCommand): void {
    const { service } = this;
    const state = this.store.cluster(CLUSTER);
    if (service === null || state === null) return;
    const observations = service.observations.of(state.name, service.leaseOf(state));
    const verdict = decideCommand({ state, observations }, command);
    say(this.seat.world, `order ${command.type} ${verdict.kind}`);
    if (verdict.kind !== 'decided') return;
    count(this.seat.world, `${command.type}s`);
    const { rule, events } = verdict.decision;
    this.append(state.version, rule, events);
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

function guardName(guard: GuardLife): string {
  return `${CLUSTER}/${guard.node.name}`;
}

function persist(disk: SimController['disk'], batch: PersistBatch): void {
  if (batch.truncateFrom !== null) disk.entries.length = batch.truncateFrom - 1;
  disk.entries.push(...batch.entries);
  if (batch.hardState !== null) disk.hardState = batch.hardState;
}

/** The state machine is not kept: a controller that starts again applies its log from the beginning. */
function initialState(disk: SimController['disk'], membership: Membership): InitialState {
  const termRuns: TermRun[] = [];
  let term = 0;
  for (const entry of disk.entries) {
    if (entry.term !== term) termRuns.push({ firstIndex: entry.index, term: entry.term });
    term = entry.term;
  }
  return {
    hardState: disk.hardState,
    snapshot: { index: 0, term: 0, membership },
    membership,
    membershipIndex: 0,
    firstIndex: 1,
    lastIndex: disk.entries.length,
    termRuns,
    appliedIndex: 0,
    tail: [...disk.entries],
  };
}
