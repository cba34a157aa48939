import type { ClusterState, MemberRecord } from '#libs/cluster';
import { type Epoch, messageOf } from '#libs/kernel';
import { promiseDetached, type Step, type StepOf, type StepRuns } from '#libs/reconcile';
import type { Destroying } from './agent-controllers.ts';
import type { AgentLife } from './agent-life.ts';
import { between, count, say } from './cluster-world.ts';
import { putBack } from './put-back-step.ts';
import type { SimNode } from './sim-node.ts';
import { StepError } from './step-error.ts';
import { admitClients, keepClientsOut, setSynchronous, startedWith } from './sync-steps.ts';
import { endOf } from './wal.ts';

const RETRY_FIRST_MS = 200;
const RETRY_LONGEST_MS = 2_000;
const RETRY_PASSING_MS = 100;
const ACQUIRE_MS = 3_000;
const STOP_MS = 30_000;
const IMMEDIATE_MS = 10_000;
const RELEASE_MS = 2_000;
const DETACH_LOOK_MS = 8;
const DETACH_LIMIT_MS = 2_000;
const FAST_FORWARD_LIMIT_MS = 1_200;
const CANCELLABLE: readonly Step['kind'][] = ['rebuild', 'rewind', 'handOver', 'fastForward'];

type Running = { readonly step: Step; aborted: boolean };

/** The agent's hands: what the steps of `apps/agent/src/steps` do, on a simulated PostgreSQL. */
export class SimSteps implements StepRuns {
  endedAtMs = 0;
  #running: Running | null = null;
  #failures = 0;
  #failedKey: string | null = null;
  #retryAtMs = 0;
  #lastId = 0;

  constructor(readonly life: AgentLife) {}

  get busy(): boolean {
    return this.#running !== null;
  }

  get running(): Step | null {
    return this.#running?.step ?? null;
  }

  superseded(): void {
    if (this.#running !== null && CANCELLABLE.includes(this.#running.step.kind)) {
      this.#running.aborted = true;
    }
  }

  mayBegin(step: Step): boolean {
    if (this.#running !== null) return false;
    return this.#failedKey !== keyOf(step) || this.#nowMs() >= this.#retryAtMs;
  }

  begin(step: Step, state: ClusterState): void {
    const key = keyOf(step);
    if (key !== this.#failedKey) this.#failures = 0;
    const { world, node } = this.life;
    say(world, `${node.name} step ${step.kind}`, state.version);
    count(world, `step ${step.kind}`);
    world.oracle.stepBegins(this.life, step, state);
    const running: Running = { step, aborted: false };
    this.#running = running;
    world.scheduler.promised = true;
    this.#run(running, state).then(
      () => this.#ended(running, null),
      (error: unknown) => this.#ended(running, error),
    );
  }

  rested(): void {
    if (this.#running === null) this.#failures = 0;
  }

  #nowMs(): number {
    return this.life.node.host.nowMs();
  }

  #ended(running: Running, error: unknown): void {
    const { world, node, process } = this.life;
    if (node.agent.life !== this.life) return;
    if (error !== null && !(error instanceof StepError)) {
      world.oracle.broken(error);
      return;
    }
    this.#running = null;
    if (running.step.kind !== 'acquireLease') this.endedAtMs = this.#nowMs();
    if (error === null || running.aborted) {
      this.#failures = 0;
      this.#failedKey = null;
    } else {
      say(world, `${node.name} failed ${running.step.kind} ${messageOf(error)}`);
      this.#failures += 1;
      this.#failedKey = keyOf(running.step);
      const grownMs = Math.min(RETRY_FIRST_MS * 2 ** this.#failures, RETRY_LONGEST_MS);
      const delayMs = error.passing ? RETRY_PASSING_MS : grownMs;
      this.#retryAtMs = this.#nowMs() + delayMs;
      process.after(delayMs + 1, () => this.life.evaluate());
    }
    this.life.stepEnded();
  }

  async #run(running: Running, state: ClusterState): Promise<void> {
    const { step } = running;
    const { facts, process, node } = this.life;
    switch (step.kind) {
      case 'rest':
      case 'await':
      case 'reportOnly':
      case 'needsRebuild':
        return;
      case 'initialise':
        await process.sleep(between(this.life.world, 50, 300));
        node.postgres.initialise('7300000000000000001');
        return;
      case 'rebuild':
        return this.#clone(running, step, state);
      case 'putBack':
        await this.#permitDestruction('putBack', state);
        return putBack(this.life);
      case 'rewind':
        return this.#rewind(running, step, state);
      case 'examine':
        await process.sleep(3);
        if (node.postgres.alive) throw new StepError('it runs', true);
        this.life.walEnd = endOf(node.postgres.wal);
        return;
      case 'startStandby':
        return this.#startStandby(step, state);
      case 'follow':
        facts.detached = null;
        node.postgres.directory.conninfo = this.#nodeOf(step.upstream);
        node.postgres.reload();
        await process.sleep(3);
        return;
      case 'detach':
        return this.#detach(step.throughEpoch);
      case 'fastForward':
        return this.#fastForward(running, step);
      case 'acquireLease':
        return this.#guard({ type: 'acquire', epoch: step.epoch }, ACQUIRE_MS);
      case 'startPrimary':
        if (step.abandons) facts.abandonedHandOver = step.epoch;
        return this.#startPrimary(step.epoch, state);
      case 'promote':
        return this.#promote(step, state);
      case 'settlePrimary':
        node.postgres.directory.standbySignal = true;
        await process.sleep(4);
        facts.settledEpoch = step.epoch;
        if (!node.files.clientsKeptOut) node.postgres.letClientsIn();
        process.after(between(this.life.world, 20, 600), () => {
          if (node.postgres.phase === 'running') node.postgres.checkpoint();
        });
        return;
      case 'restart':
        return this.#stop('fast');
      case 'stop':
        return this.#stop(step.mode);
      case 'handOver':
        return this.#handOver(running, step);
      case 'release':
        return this.#release(step.epoch, step.reason);
      case 'stopForeign':
        node.postgres.killAll();
        return;
      case 'setSynchronous':
        return setSynchronous(this.life, step, state);
      case 'admitClients':
        admitClients(this.life, state);
        return;
    }
  }

  #guard(request: { readonly type: string; readonly [field: string]: unknown }, limitMs: number) {
    this.#lastId += 1;
    return this.life.askGuard({ ...request, id: this.#lastId } as never, limitMs);
  }

  /** It has no archive that could be followed in the place of an instance. */
  #nodeOf(member: MemberRecord | null): SimNode {
    const name = member?.name;
    const { nodes, site } = this.life.world;
    const all = site === null ? nodes : [...nodes, site.node];
    const found = all.find((node) => node.name === name);
    if (found === undefined) throw new StepError(`no such instance ${name}`, false);
    return found;
  }

  async #startStandby({ upstream }: StepOf<'startStandby'>, state: ClusterState): Promise<void> {
    const { node, facts } = this.life;
    const { directory } = node.postgres;
    if (upstream !== null) facts.detached = null;
    directory.conninfo = upstream === null ? null : this.#nodeOf(upstream);
    directory.standbySignal = true;
    const started = startedWith(this.life, state);
    keepClientsOut(this.life, false);
    await this.#guard({ type: 'start', epoch: null }, IMMEDIATE_MS);
    facts.synchronous = started;
  }

  async #startPrimary(epoch: Epoch, state: ClusterState): Promise<void> {
    const { node, facts } = this.life;
    facts.detached = null;
    facts.settledEpoch = null;
    node.postgres.directory.conninfo = null;
    const started = startedWith(this.life, state);
    keepClientsOut(this.life, started.setting.count > 0);
    await this.#holdLease(epoch);
    await this.#guard({ type: 'start', epoch }, IMMEDIATE_MS);
    facts.synchronous = started;
  }

  async #holdLease(epoch: Epoch): Promise<void> {
    const { guard } = this.life;
    if (guard?.epoch === epoch && guard.remainingMs !== null) return;
    await this.#guard({ type: 'acquire', epoch }, ACQUIRE_MS);
  }

  /** Asked at once and again until it is over: withdrawn by a stop after the time limit (safety 8). */
  async #promote({ epoch, timeline }: StepOf<'promote'>, state: ClusterState): Promise<void> {
    const { node, facts, process } = this.life;
    const { postgres } = node;
    await this.#holdLease(epoch);
    await this.#guard({ type: 'promoting', epoch }, 500);
    postgres.directory.conninfo = null;
    postgres.promote(timeline);
    const untilMs = this.#nowMs() + state.settings.promoteTimeoutMs;
    while (postgres.role !== 'primary' || postgres.phase !== 'running') {
      if (this.#nowMs() >= untilMs || !postgres.alive) {
        await this.#guard({ type: 'stop', mode: 'immediate', budgetMs: 0 }, IMMEDIATE_MS);
        throw new StepError('promotion withdrawn', false);
      }
      await process.sleep(5);
    }
    facts.detached = null;
    facts.settledEpoch = null;
    postgres.directory.standbySignal = true;
    this.life.lookAndReport();
  }

  /** The promise is on disk first; the position is read when the receiver is surely gone (safety 6, 7). */
  async #detach(throughEpoch: Epoch): Promise<void> {
    const { node, facts, process } = this.life;
    const { postgres, files } = node;
    const streamed = this.life.eyes.lastStreamed.before(facts.detached, node.host.nowMs());
    files.memory = promiseDetached(files.memory, throughEpoch);
    postgres.directory.conninfo = null;
    if (postgres.alive) {
      postgres.reload();
      await process.sleep(20);
      if (postgres.receiver !== null) postgres.endReceiver();
      const untilMs = this.#nowMs() + DETACH_LIMIT_MS;
      for (let absent = 0; absent < 2; ) {
        await process.sleep(DETACH_LOOK_MS);
        absent = postgres.receiver === null ? absent + 1 : 0;
        if (this.#nowMs() >= untilMs) throw new StepError('the receiver is not gone', true);
      }
      const held = postgres.reloadHeldUntilMs > this.life.world.scheduler.nowMs;
      if (postgres.upstreamInForce !== null && !held) throw new StepError('not reloaded', true);
    }
    await process.sleep(between(this.life.world, 2, 30));
    const position = { timeline: postgres.timeline, lsn: endOf(postgres.wal) };
    facts.detached = { throughEpoch, position, ...(streamed === null ? {} : { streamed }) };
    this.life.lookAndReport();
  }

  async #fastForward(
    running: Running,
    { from, upTo, throughEpoch }: StepOf<'fastForward'>,
  ): Promise<void> {
    const { node, facts, process } = this.life;
    facts.detached = null;
    node.postgres.directory.conninfo = this.#nodeOf(from);
    node.postgres.reload();
    const untilMs = this.#nowMs() + FAST_FORWARD_LIMIT_MS;
    const arrived = () => endOf(node.postgres.wal) >= upTo.lsn;
    while (!arrived() && !running.aborted && this.#nowMs() < untilMs) await process.sleep(5);
    await this.#detach(throughEpoch);
    if (!arrived()) throw new StepError('not so far in time', true);
    count(this.life.world, 'broughtForward');
  }

  async #stop(mode: 'fast' | 'immediate'): Promise<void> {
    if (mode === 'fast') {
      try {
        await this.#guard({ type: 'stop', mode, budgetMs: STOP_MS }, STOP_MS + IMMEDIATE_MS);
        return;
      } catch (error) {
        if (messageOf(error) !== 'STOP_TIMED_OUT') throw error;
      }
    }
    await this.#guard({ type: 'stop', mode: 'immediate', budgetMs: 0 }, IMMEDIATE_MS);
  }

  async #handOver(running: Running, { epoch, stopBudgetMs }: StepOf<'handOver'>): Promise<void> {
    const { node, facts, process } = this.life;
    await process.sleep(between(this.life.world, 10, 200));
    node.postgres.checkpoint();
    if (running.aborted) return;
    try {
      const limitMs = 2 * stopBudgetMs + IMMEDIATE_MS;
      await this.#guard({ type: 'handOver', epoch, budgetMs: stopBudgetMs }, limitMs);
      await this.#release(epoch, 'hand-over');
    } catch (error) {
      if (messageOf(error) !== 'STOP_TIMED_OUT') throw error;
      await this.#guard({ type: 'stop', mode: 'immediate', budgetMs: 0 }, IMMEDIATE_MS);
      if (node.postgres.directory.cleanShutdown) {
        await this.#release(epoch, 'hand-over');
        return;
      }
      facts.abandonedHandOver = epoch;
    }
  }

  async #release(epoch: Epoch, reason: StepOf<'release'>['reason']): Promise<void> {
    const { postgres } = this.life.node;
    const known = reason === 'hand-over';
    const timeline = known ? postgres.timeline : null;
    const lsn = known ? endOf(postgres.wal) : null;
    await this.#guard({ type: 'release', epoch, reason, timeline, lsn }, RELEASE_MS);
  }

  async #permitDestruction(step: Destroying, { version }: ClusterState): Promise<void> {
    const permitted = await this.life.controllers.askDestruction(step, version);
    if (!permitted) throw new StepError('the leader does not permit it', false);
    await this.#guard({ type: 'permitDestruction', step }, RELEASE_MS);
  }

  async #clone(running: Running, step: StepOf<'rebuild'>, state: ClusterState): Promise<void> {
    const { node, process, world } = this.life;
    const upstream = this.#nodeOf(step.upstream);
    const { directory } = node.postgres;
    if (!this.#serves(upstream)) throw new StepError('the upstream is no primary yet', true);
    if (step.replaces !== 'nothing') {
      await this.#permitDestruction('rebuild', state);
      if (step.replaces === 'instance') directory.aside ??= directory.wal;
    }
    world.oracle.writes.destroys(node, upstream, step.replaces);
    const { run } = upstream.postgres;
    const source = upstream.postgres.directory;
    directory.kind = 'unfinished';
    await process.sleep(between(world, 100, world.swarm.cloneMaxMs));
    const same = upstream.postgres.run === run && this.#serves(upstream);
    if (!same || running.aborted) throw new StepError('the copy broke off', true);
    directory.kind = 'initialised';
    directory.systemIdentifier = source.systemIdentifier;
    directory.wal = source.wal;
    directory.standbySignal = true;
    directory.cleanShutdown = false;
    directory.checkpointTimeline = source.checkpointTimeline;
    directory.conninfo = null;
    node.files.rebuiltOrder = step.order.order;
    node.files.dataId += 1;
  }

  async #rewind(running: Running, step: StepOf<'rewind'>, state: ClusterState): Promise<void> {
    const { node, process, world } = this.life;
    const upstream = this.#nodeOf(step.upstream);
    const { directory } = node.postgres;
    if (!this.#serves(upstream)) throw new StepError('the upstream is no primary yet', true);
    if (upstream.postgres.directory.checkpointTimeline < step.timeline) {
      throw new StepError('the upstream makes a checkpoint first', true);
    }
    await this.#permitDestruction('rewind', state);
    world.oracle.writes.destroys(node, upstream, 'rewind');
    const { run } = upstream.postgres;
    directory.kind = 'unfinished';
    await process.sleep(between(world, 50, world.swarm.cloneMaxMs / 3));
    const same = upstream.postgres.run === run && this.#serves(upstream);
    if (!same || running.aborted) throw new StepError('the rewind broke off', true);
    directory.kind = 'initialised';
    directory.wal = upstream.postgres.wal;
    directory.standbySignal = true;
    directory.cleanShutdown = false;
    directory.checkpointTimeline = upstream.postgres.directory.checkpointTimeline;
  }

  #serves(upstream: SimNode): boolean {
    const { world, node } = this.life;
    const { postgres, host } = upstream;
    if (!world.network.connects(node.host, host) || host.frozen) return false;
    return postgres.postmaster && postgres.phase === 'running' && postgres.role === 'primary';
  }
}

function keyOf(step: Step): string {
  const subject = 'upstream' in step ? (step.upstream?.name ?? '') : '';
  const epoch = 'epoch' in step ? String(step.epoch) : '';
  return `${step.kind} ${subject} ${epoch}`;
}
