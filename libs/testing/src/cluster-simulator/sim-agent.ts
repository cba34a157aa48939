import {
  type AgentReport,
  type ClusterState,
  type DataDirectory,
  type DetachedProof,
  type Endpoint,
  evolve,
  type Goal,
  type PostgresCondition,
  type RebuildReport,
  type RecordedEvent,
  rebuildOrderOf,
} from '#libs/cluster';
import { LeaderView } from '#libs/guarding';
import type { Epoch, Lsn } from '#libs/kernel';
import type { Confirmation, LocalAnswer, LocalRequest } from '#libs/protocol';
import { type ConfirmedSequences, type ObservedCondition, Reconciler } from '#libs/reconcile';
import { type ClusterWorld, count, say } from './cluster-world.ts';
import type { ControllerLife, SimController } from './sim-controller.ts';
import type { GuardLife, GuardView } from './sim-guard.ts';
import { SimProcess } from './sim-host.ts';
import type { SimNode } from './sim-node.ts';
import { SimSteps, StepError } from './sim-steps.ts';
import { ancestorsOf, endOf } from './wal.ts';

const OBSERVE_MS = 200;
const REPORT_MS = 300;
const HURRY_MS = 20;
const LOOK_MS = 2;
const LINK_CHECK_MS = 200;
const GUARD_SILENCE_MS = 800;
const LEADER_ANSWER_MS = 1_500;
const SUBSCRIBE_ANSWER_MS = 2_000;
const SPAWN_MS = 60;
const PORT = 5_432;

/** The agent of one instance over all its lives. */
export class SimAgent {
  readonly process: SimProcess;
  life: AgentLife | null = null;

  constructor(
    readonly node: SimNode,
    readonly world: ClusterWorld,
  ) {
    this.process = new SimProcess(node.host, 'agent', true);
  }

  start(): void {
    if (this.process.alive || !this.node.host.up) return;
    this.process.begin();
    this.process.after(SPAWN_MS, () => {
      this.life = new AgentLife(this);
      this.life.begin();
    });
  }

  kill(): void {
    this.process.end();
    this.life = null;
  }

  guardGone(): void {
    const { life } = this;
    if (life !== null) this.process.deliver(() => life.guardGone());
  }

  guardAttached(): void {
    const { life } = this;
    if (life !== null) this.process.deliver(() => life.attach());
  }

  guardSaid(from: GuardLife, view: GuardView): void {
    const { life } = this;
    if (life !== null) this.process.deliver(() => life.guardSaid(from, view));
  }
}

type Snapshot = {
  readonly begunMs: number;
  readonly guard: GuardView | null;
  readonly directory: DataDirectory;
  readonly postgres: PostgresCondition;
  readonly standbySignal: boolean;
  readonly upstream: Endpoint | null;
  readonly receiving: boolean;
};

/** A running agent: the production reconciler over simulated eyes and hands. */
export class AgentLife {
  readonly process: SimProcess;
  readonly facts: {
    detached: DetachedProof | null;
    abandonedHandOver: Epoch | null;
    settledEpoch: number | null;
  } = { detached: null, abandonedHandOver: null, settledEpoch: null };
  readonly reconciler: Reconciler;
  /** What is known of the rebuild of this instance. */
  readonly desk: { wants: string | null; forget(): void } = {
    wants: null,
    forget: () => {
      this.node.files.rebuiltOrder = null;
    },
  };
  readonly steps: SimSteps;
  guard: GuardView | null = null;
  guardLife: GuardLife | null = null;
  /** Read from disk by a step; of the present stop only. */
  walEnd: Lsn | null = null;
  /** What the leader last confirmed to this life. */
  confirmed: Confirmation | null = null;
  readonly confirmations: ConfirmedSequences;
  #latest: Snapshot | null = null;
  #looking = false;
  #again = false;
  #hurryLook = false;
  #hurryReport = false;
  #lookTimer = 0;
  #reportTimer = 0;
  #servedAtMs: number | null = null;
  #news = '';
  #askingFor: number | null = null;
  #source: ControllerLife | null = null;
  /** Of a subscription that was not answered yet. */
  #subscribing = 0;
  #subscriptions = 0;
  #guardSilentMs = 0;
  readonly #waitingForGuard = new Set<() => void>();
  readonly #leader = new LeaderView();
  readonly #up = new Map<SimController, ControllerLife>();

  constructor(readonly agent: SimAgent) {
    this.process = agent.process;
    const { node } = agent;
    this.steps = new SimSteps(this);
    this.confirmations = {
      latest: null,
      covers: (sequence) => this.confirmed?.sequence === sequence,
      ask: (sequence) => this.#askConfirmation(sequence),
    };
    const { steps } = this;
    this.reconciler = new Reconciler({
      instance: node.name,
      stream: node.files,
      confirmations: this.confirmations,
      memory: {
        get memory() {
          return node.files.memory;
        },
        keep: (memory) => {
          node.files.memory = memory;
        },
      },
      condition: () => this.#condition(),
      runner: steps,
      desk: this.desk,
      facts: this.facts,
      log: {
        debug: () => undefined,
        info: (message, fields) => {
          if (message === 'goal') say(this.world, `${node.name} goal ${fields['detail']}`);
        },
      },
      keepUp: () => undefined,
      setHurry: (observe, report) => this.#setHurry(observe, report),
    });
  }

  get node(): SimNode {
    return this.agent.node;
  }

  get world(): ClusterWorld {
    return this.agent.world;
  }

  get state(): ClusterState | null {
    return this.node.files.state;
  }

  get goal(): Goal | null {
    return this.reconciler.goal;
  }

  describe(): Record<string, unknown> {
    return {
      sequence: this.state?.sequence ?? 0,
      confirmed: this.confirmed?.sequence ?? 0,
      source: this.#source?.seat.name ?? null,
      leader: this.leader?.seat.name ?? null,
    };
  }

  begin(): void {
    this.attach();
    this.#linkLoop();
    this.#look();
    this.#report();
  }

  // The guard

  attach(): void {
    const { life } = this.node.guard;
    if (life?.ready === true) this.guardSaid(life, life.view());
    else this.node.guard.launch();
  }

  guardSaid(from: GuardLife, view: GuardView): void {
    this.guardLife = from;
    this.guard = view;
    this.#look();
    this.#report();
    this.evaluate();
  }

  /** The kernel's death signal is the first of two (safety 13). */
  guardGone(): void {
    this.guard = null;
    this.guardLife = null;
    for (const giveUp of this.#waitingForGuard) giveUp();
    this.#waitingForGuard.clear();
    this.process.after(8, () => {
      this.node.postgres.killAll();
      this.node.guard.launch();
    });
  }

  askGuard(request: LocalRequest, timeoutMs: number): Promise<void> {
    const guard = this.guardLife;
    if (guard === null || this.node.guard.life !== guard) {
      return Promise.reject(new StepError(`'${request.type}': no guard is attached`, true));
    }
    return this.#answerOf<LocalAnswer>(timeoutMs, (take, giveUp) => {
      this.#waitingForGuard.add(giveUp);
      guard.process.after(0.05, () =>
        guard.ask(request, (answer) => this.process.deliver(() => take(answer))),
      );
    }).then((answer) => {
      if (answer.type === 'refused') throw new StepError(answer.code, false);
      if (request.type === 'release') this.#noteReleased(request.epoch);
    });
  }

  /** An answer, or an error when it does not come in time. */
  #answerOf<T>(
    timeoutMs: number,
    ask: (take: (answer: T) => void, giveUp: () => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.world.scheduler.promised = true;
        reject(new StepError('no answer', true));
      };
      ask((answer) => {
        this.world.scheduler.promised = true;
        resolve(answer);
      }, giveUp);
      this.process.after(timeoutMs, giveUp);
    });
  }

  #noteReleased(epoch: Epoch): void {
    if (this.guard?.epoch === epoch) this.guard = { ...this.guard, epoch: null };
  }

  // The controllers

  get leader(): ControllerLife | null {
    const found = [...this.#up].find(([{ name }]) => name === this.#leader.name);
    return found?.[1] ?? null;
  }

  leaderNamed(name: string | null, term: number, from: ControllerLife): void {
    if (!this.#leader.told(name, term, from.seat.name)) return;
    this.#followLeader();
    this.#report();
    this.evaluate();
  }

  eventsCame(events: readonly RecordedEvent[], from: ControllerLife): void {
    const known = this.state?.sequence ?? 0;
    const fresh = events.filter(({ sequence }) => sequence > known);
    const [first] = fresh;
    if (first === undefined) return;
    if (first.sequence > known + 1) {
      if (this.#source === from) this.#subscribe(from);
      return;
    }
    let { state } = this;
    for (const event of fresh) state = evolve(state, event);
    if (state !== null) this.#adopt(state);
  }

  subscribed(state: ClusterState | null, from: ControllerLife): void {
    if (this.#source !== from) return;
    this.#subscribing = 0;
    if (state !== null) this.#adopt(state);
  }

  #adopt(state: ClusterState): void {
    this.node.files.state = state;
    this.evaluate();
  }

  #followLeader(): void {
    const { leader } = this;
    if (leader !== null) this.#subscribe(leader);
  }

  #subscribe(from: ControllerLife): void {
    this.#source = from;
    this.#subscriptions += 1;
    const mine = this.#subscriptions;
    this.#subscribing = mine;
    this.process.after(SUBSCRIBE_ANSWER_MS, () => {
      if (this.#subscribing === mine) this.#source = null;
    });
    const sequence = this.state?.sequence ?? 0;
    this.#ask(from, (life) => life.subscribe(this, sequence));
  }

  #ask(controller: ControllerLife, run: (life: ControllerLife) => void): void {
    controller.seat.deliverFrom(this.node.host, (life) => {
      if (life === controller) run(life);
    });
  }

  linkLost(controller: SimController): void {
    this.process.after(LINK_CHECK_MS, () => {
      this.#up.delete(controller);
      if (this.#source?.seat === controller) this.#source = null;
    });
  }

  #linkLoop(): void {
    const { controllers, network } = this.world;
    for (const controller of controllers) {
      const { life } = controller;
      const open = life !== null && network.connects(this.node.host, controller.host);
      if (!open || this.#up.get(controller) !== life) this.#up.delete(controller);
      if (open && life !== null && !this.#up.has(controller)) {
        this.#up.set(controller, life);
        this.#ask(life, (at) => at.agentConnected(this));
      }
    }
    const source = this.#source;
    if (source === null || ![...this.#up.values()].includes(source)) {
      const next = this.leader ?? [...this.#up.values()][0];
      if (next !== undefined) this.#subscribe(next);
    }
    this.#watchGuard();
    this.process.after(LINK_CHECK_MS, () => this.#linkLoop());
  }

  /** A guard that hangs is ended by its agent (safety 21). */
  #watchGuard(): void {
    const { guard } = this.node;
    if (!guard.process.alive) {
      if (this.guardLife === null) guard.launch();
      return;
    }
    this.#guardSilentMs = guard.process.paused ? this.#guardSilentMs + LINK_CHECK_MS : 0;
    if (this.#guardSilentMs <= GUARD_SILENCE_MS) return;
    this.#guardSilentMs = 0;
    count(this.world, 'hungGuardsKilled');
    guard.kill();
  }

  #askConfirmation(sequence: number): void {
    const { leader } = this;
    if (this.#askingFor === sequence || leader === null) return;
    this.#askingFor = sequence;
    const done = (): void => {
      if (this.#askingFor === sequence) this.#askingFor = null;
    };
    this.#ask(leader, (life) =>
      life.askConfirmation(this, {
        answer: (confirmation) => {
          done();
          this.#note(confirmation);
        },
      }),
    );
    this.process.after(LEADER_ANSWER_MS, done);
  }

  #note(confirmation: Confirmation): void {
    const known = this.confirmed;
    if (known !== null && confirmation.sequence < known.sequence) return;
    this.confirmed = confirmation;
    (this.confirmations as { latest: Confirmation | null }).latest = confirmation;
    if (confirmation.sequence !== known?.sequence) this.evaluate();
  }

  askDestruction(version: number): Promise<boolean> {
    const { leader } = this;
    if (leader === null) return Promise.reject(new StepError('no leader', true));
    return this.#answerOf<boolean>(LEADER_ANSWER_MS, (take) =>
      this.#ask(leader, (life) => life.askDestruction(this, version, take)),
    );
  }

  // Looking and reporting

  evaluate(): void {
    this.reconciler.evaluate();
  }

  stepEnded(): void {
    this.#look();
    this.#report();
    this.evaluate();
  }

  lookAndReport(): void {
    this.#look();
    this.#report();
  }

  #setHurry(observe: boolean, report: boolean): void {
    if (observe !== this.#hurryLook) {
      this.#hurryLook = observe;
      this.#look();
    }
    if (report !== this.#hurryReport) {
      this.#hurryReport = report;
      this.#report();
    }
  }

  #look(): void {
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#looking = true;
    this.#lookTimer += 1;
    const snapshot = this.#observe();
    this.process.after(LOOK_MS, () => {
      this.#looking = false;
      this.#latest = snapshot;
      this.#lookTimer += 1;
      const timer = this.#lookTimer;
      const waitMs = this.#again ? 0 : this.#hurryLook ? HURRY_MS : OBSERVE_MS;
      this.#again = false;
      this.process.after(waitMs, () => {
        if (timer === this.#lookTimer) this.#look();
      });
      this.#tellPosition(snapshot);
      this.evaluate();
      const news = this.#newsOf(snapshot);
      if (news === this.#news) return;
      this.#news = news;
      this.#report();
    });
  }

  #observe(): Snapshot {
    const { guard } = this;
    const { postgres } = this.node;
    const { directory } = postgres;
    const nowMs = this.node.host.nowMs();
    if (guard?.postmaster !== 'down') this.walEnd = null;
    const condition = this.#postgresCondition();
    if (condition.kind === 'primary' || condition.kind === 'standby') this.#servedAtMs = nowMs;
    return {
      begunMs: nowMs,
      guard,
      directory: this.#directory(),
      postgres: condition,
      standbySignal: directory.standbySignal,
      upstream: directory.conninfo === null ? null : endpointOf(directory.conninfo),
      receiving: postgres.receiver !== null,
    };
  }

  #directory(): DataDirectory {
    const { postgres } = this.node;
    const { directory, timeline, wal } = postgres;
    if (directory.kind === 'empty') return { kind: 'empty' };
    if (directory.kind === 'unfinished') return { kind: 'unfinished', work: 'work' };
    const { systemIdentifier, cleanShutdown } = directory;
    const walEnd = this.walEnd === null ? null : { timeline, lsn: this.walEnd };
    const ancestors = ancestorsOf(wal);
    return { kind: 'initialised', systemIdentifier, walEnd, timeline, ancestors, cleanShutdown };
  }

  #postgresCondition(): PostgresCondition {
    const { guard } = this;
    const { postgres } = this.node;
    if (guard === null) return { kind: 'unresponsive', why: 'no guard' };
    if (guard.postmaster === 'down') return { kind: 'stopped' };
    if (guard.postmaster === 'stopping') return { kind: 'stopping' };
    if (postgres.phase === 'starting') return { kind: 'starting', progress: null, sinceMs: 0 };
    if (postgres.phase === 'stopping') return { kind: 'stopping' };
    if (postgres.phase === 'down' || !postgres.postmaster) {
      return { kind: 'unresponsive', why: 'refused' };
    }
    const { timeline, wal, receiver } = postgres;
    if (postgres.role === 'primary') {
      return { kind: 'primary', timeline, writeLsn: endOf(wal), readOnly: false, standbys: [] };
    }
    const end = endOf(wal);
    return {
      kind: 'standby',
      timeline,
      receivedLsn: end,
      replayedLsn: end,
      receiver:
        receiver === null
          ? null
          : {
              streaming: true,
              from: endpointOf(receiver.upstream.node),
              latestEndLsn: receiver.latestEndLsn,
              latestEndAgeMs: Math.max(0, this.world.scheduler.nowMs - receiver.heardAtMs),
            },
    };
  }

  #tellPosition({ postgres }: Snapshot): void {
    if (postgres.kind !== 'primary' || this.guardLife === null) return;
    const { timeline, writeLsn: lsn } = postgres;
    const guard = this.guardLife;
    guard.process.deliver(() => guard.ask({ type: 'position', timeline, lsn }, () => undefined));
  }

  /** Nothing that was seen before the last step ended counts. */
  #condition(): ObservedCondition | null {
    const seen = this.#latest;
    if (seen === null || seen.begunMs < this.steps.endedAtMs || seen.guard === null) return null;
    const { guard: now, facts } = this;
    const same =
      now !== null &&
      now.incarnation === seen.guard.incarnation &&
      now.postmaster === seen.guard.postmaster &&
      now.run === seen.guard.run;
    const guard = {
      incarnation: seen.guard.incarnation,
      epoch: same ? now.epoch : seen.guard.epoch,
    };
    const around = {
      guard,
      detached: facts.detached,
      abandonedHandOver: facts.abandonedHandOver,
      rebuiltOrder: this.node.files.rebuiltOrder,
    };
    const { directory, postgres, upstream, standbySignal } = seen;
    switch (postgres.kind) {
      case 'stopping':
        return { ...around, kind: 'stopping' };
      case 'stopped': {
        if (directory.kind !== 'initialised') return { ...around, ...directory };
        const { systemIdentifier, cleanShutdown } = directory;
        const walEnd = directory.walEnd?.lsn ?? null;
        const kind = 'stopped';
        return { ...around, kind, systemIdentifier, own: directory, walEnd, cleanShutdown };
      }
      case 'starting':
        return { ...around, kind: 'starting', as: standbySignal ? 'standby' : 'primary', upstream };
      case 'primary': {
        const settled = standbySignal && facts.settledEpoch === guard.epoch;
        return {
          ...around,
          kind: 'primary',
          timeline: postgres.timeline,
          readOnly: postgres.readOnly,
          settled,
        };
      }
      case 'standby': {
        if (directory.kind !== 'initialised') return null;
        return {
          ...around,
          kind: 'standby',
          systemIdentifier: directory.systemIdentifier,
          own: { timeline: postgres.timeline, ancestors: directory.ancestors },
          walEnd: postgres.receivedLsn,
          receiving: seen.receiving,
          upstream,
        };
      }
      case 'foreign':
        return { ...around, kind: 'foreign', pid: postgres.pid };
      case 'unresponsive':
        return { ...around, kind: 'unresponsive', why: postgres.why };
    }
  }

  #newsOf({ postgres, directory, guard }: Snapshot): string {
    const role = postgres.kind === 'primary' ? postgres.timeline : '';
    const { goal } = this;
    const awaited = goal?.kind === 'standby' && goal.hurry && postgres.kind === 'standby';
    const received = awaited ? postgres.receivedLsn : '';
    const { detached } = this.facts;
    return [
      ...[postgres.kind, role, received, guard?.incarnation, guard?.epoch],
      ...[detached?.throughEpoch, directory.kind, this.reconciler.actedVersion],
      ...[this.desk.wants, this.#rebuildReport().phase],
    ].join(' ');
  }

  #report(): void {
    this.#reportTimer += 1;
    const timer = this.#reportTimer;
    this.process.after(this.#hurryReport ? HURRY_MS : REPORT_MS, () => {
      if (timer === this.#reportTimer) this.#report();
    });
    const { leader } = this;
    const seen = this.#latest;
    if (leader === null || seen === null) return;
    const report = this.#reportOf(seen);
    this.#ask(leader, (life) =>
      life.report(this, report, { answer: (confirmation) => this.#note(confirmation) }),
    );
  }

  #reportOf(seen: Snapshot): AgentReport {
    const { guard, directory, postgres } = seen;
    const { swarm } = this.world;
    const nowMs = this.node.host.nowMs();
    const up = postgres.kind === 'primary' || postgres.kind === 'standby';
    return {
      instance: this.node.name,
      actedVersion: this.reconciler.actedVersion,
      postgresEndpoint: endpointOf(this.node),
      agentEndpoint: { host: this.node.name, port: 8_008 },
      tags: {
        noFailover: swarm.noFailover === this.node.name,
        noLoadBalance: false,
        failoverPriority: 0,
      },
      guard:
        guard === null
          ? null
          : {
              incarnation: guard.incarnation,
              epoch: guard.epoch,
              remainingMs: guard.remainingMs,
            },
      dataDirectory: directory,
      postgres,
      detached: this.facts.detached,
      abandonedHandOver: this.facts.abandonedHandOver,
      downForMs: up ? 0 : Math.round(nowMs - (this.#servedAtMs ?? nowMs)),
      activity: this.steps.running?.kind ?? null,
      problem: this.reconciler.problem,
      rebuild: this.#rebuildReport(),
    };
  }

  #rebuildReport(): RebuildReport {
    const { state, node } = this;
    const order = state === null ? null : (rebuildOrderOf(state, node.name)?.order ?? null);
    const done = order !== null && node.files.rebuiltOrder === order;
    const copying = this.steps.running?.kind === 'rebuild' ? 'copying' : 'waiting';
    const after = node.postgres.receiver === null ? 'starting' : 'streaming';
    return {
      wants: this.desk.wants,
      order,
      phase: done ? after : copying,
      method: 'basebackup',
      ...{ doneBytes: 0n, totalBytes: null, bytesPerSecond: null, secondsLeft: null },
      tookMs: 0,
      failures: [],
    };
  }
}

function endpointOf(node: SimNode): Endpoint {
  return { host: node.name, port: PORT };
}
