import { type ClusterState, isSynchronous } from '#libs/cluster';
import { InvariantError, messageOf, type Prng, seededPrng } from '#libs/kernel';
import { proposeCommand } from '#libs/leader';
import { PROTOCOL_MAX } from '#libs/protocol';
import type { Membership } from '#libs/raft';
import { Scheduler } from '../raft-simulator/scheduler.ts';
import { Trace } from '../raft-simulator/trace.ts';
import { Violation } from '../raft-simulator/violation.ts';
import { type FaultScene, healCluster, order, planClusterFaults } from './cluster-faults.ts';
import { ClusterOracle } from './cluster-oracle.ts';
import { planStrikes } from './cluster-strikes.ts';
import { clusterSwarmOf, type DrawnMode } from './cluster-swarm.ts';
import { CLUSTER, type ClusterWorld } from './cluster-world.ts';
import { planLossesInRebuilds } from './copy-offers.ts';
import { Handles } from './handles.ts';
import { planLateAnswers } from './late-answers.ts';
import { calm, type LessCluster, lengthened, lessOf } from './less-cluster.ts';
import { planLostExpiries } from './lost-expiries.ts';
import { RemoteSite } from './remote-site.ts';
import { beginSaga, planSagaKill, type SagaKill } from './saga-kills.ts';
import { SimController } from './sim-controller.ts';
import { SimHost } from './sim-host.ts';
import { SimNetwork } from './sim-network.ts';
import { SimNode } from './sim-node.ts';
import { SiteTurns } from './site-turns.ts';
import { isPrefix } from './wal.ts';

/** The cluster is made in a healthy world within this time. */
const BEGIN_MS = 60_000;
/** After healing, it has this long to find together. */
const LIVENESS_MS = 120_000;
const STEPS_MAX = 3_000_000;
const LOOK_MS = 250;
const ORIGIN_MAX_MS = 1_000_000;
const BULK_MAX = 200_000;

export type ClusterSeedOptions = {
  readonly mode?: DrawnMode;
  readonly keepTrace?: boolean;
  /** A world of minutes instead of seconds, with fewer writes: for the hours of a swarm. */
  readonly long?: boolean;
  readonly less?: LessCluster;
  /** It is one of a pair: the writing goes to another site and comes back, planned or not. */
  readonly site?: boolean;
  /** No drawn faults but this: a saga, and the leading controller killed at one step of it. */
  readonly killAfter?: SagaKill;
};

export type ClusterSeedResult = {
  readonly seed: number;
  readonly ok: boolean;
  readonly violation: string | null;
  readonly traceHash: string;
  readonly trace: string;
  readonly stats: Readonly<Record<string, number>>;
};

/** One whole installation, its clients and its faults, all drawn from `seed`. */
export async function runClusterSeed(
  seed: number,
  options: ClusterSeedOptions = {},
): Promise<ClusterSeedResult> {
  const run = new ClusterRun(seed, options);
  let violation: string | null = null;
  try {
    await run.begin();
    await run.safetyPhase();
    await run.livenessPhase();
  } catch (error) {
    if (!(error instanceof Violation) && !(error instanceof InvariantError)) throw error;
    violation = messageOf(error);
  }
  run.countSteps();
  const { trace, stats } = run.world;
  return {
    seed,
    ok: violation === null,
    violation,
    traceHash: trace.hash,
    trace: trace.text,
    stats,
  };
}

export class ClusterRun {
  readonly world: ClusterWorld;
  readonly #oracle: ClusterOracle;
  readonly #scene: FaultScene;
  /** With chances of its own, so that seeds without it draw what they drew. */
  readonly #lateScene: FaultScene;
  readonly #rebuildScene: FaultScene;
  readonly #expiryScene: FaultScene;
  readonly #clients: Prng;
  #steps = 0;
  #over = false;

  constructor(
    seed: number,
    readonly options: ClusterSeedOptions,
  ) {
    const short = clusterSwarmOf(seed, options.mode ?? 'any');
    const drawn = options.long === true ? lengthened(short) : short;
    const swarm = options.killAfter === undefined ? lessOf(drawn, options.less ?? {}) : calm(drawn);
    const source = seededPrng(seed * 5 + 2);
    const scheduler = new Scheduler();
    const network = new SimNetwork(scheduler, seededPrng(source.next()), swarm);
    this.#oracle = new ClusterOracle(() => this.world);
    const hosts: SimHost[] = [];
    this.world = {
      ...{ scheduler, network, swarm, hosts, settings: swarm.settings, oracle: this.#oracle },
      handles: new Handles(),
      trace: new Trace(options.keepTrace ?? false),
      stats: {},
      prng: seededPrng(source.next()),
      nodes: [],
      controllers: [],
      site: null,
    };
    this.#clients = seededPrng(source.next());
    const prng = seededPrng(source.next());
    this.#scene = { world: this.world, prng, over: () => this.#over };
    this.#build(seededPrng(source.next()));
    this.#lateScene = { ...this.#scene, prng: seededPrng(source.next()) };
    this.#rebuildScene = { ...this.#scene, prng: seededPrng(source.next()) };
    this.#expiryScene = { ...this.#scene, prng: seededPrng(source.next()) };
    if (options.site === true) this.world.site = new RemoteSite(this.world);
  }

  #build(prng: Prng): void {
    const { world } = this;
    const { instances, controllers, shared, clockErrorRatio } = world.swarm;
    const newHost = (name: string): SimHost => {
      const rate = 1 + clockErrorRatio * (prng.unit() * 2 - 1);
      const origin = prng.range(0, ORIGIN_MAX_MS);
      const host = new SimHost(world.hosts.length, name, world.scheduler, rate, origin);
      world.hosts.push(host);
      return host;
    };
    for (let at = 1; at <= instances; at += 1) {
      world.nodes.push(new SimNode(newHost(`h${at}`), `pg${at}`, world));
    }
    const membership = membershipOf(controllers);
    for (let id = 1; id <= controllers; id += 1) {
      const host = (shared ? world.hosts[id - 1] : undefined) ?? newHost(`k${id}`);
      world.controllers.push(new SimController(id, host, membership, world));
    }
  }

  /** A healthy world, until a primary serves and everybody streams from it. */
  async begin(): Promise<void> {
    const { controllers, nodes, scheduler, network } = this.world;
    const { killAfter } = this.options;
    if (killAfter?.saga === 'bootstrap') planSagaKill(this.world, killAfter);
    network.healed = true;
    for (const controller of controllers) controller.start();
    for (const node of nodes) node.start();
    this.#startClients();
    await this.#until(BEGIN_MS, 'a cluster is made', () => {
      this.#createCluster();
      return this.#together();
    });
    network.healed = false;
    this.world.trace.add(scheduler.nowMs, 'begins');
  }

  #created = false;

  #createCluster(): void {
    if (this.#created) return;
    const leader = this.world.controllers.find(({ life }) => life?.serving === true)?.life;
    if (leader === undefined || leader === null) return;
    this.#created = true;
    const { settings } = this.world;
    const postgres = {
      superuser: 'postgres',
      replicationUser: 'replicator',
      rewindUser: 'rewinder',
      parameters: {},
      pgHba: [],
    };
    const shows = { onApplied: () => undefined, onLost: () => undefined };
    proposeCommand(leader, { type: 'protocol', level: PROTOCOL_MAX }, shows);
    leader.append(0, 'operator-create', [{ type: 'ClusterCreated', settings, postgres }]);
  }

  async safetyPhase(): Promise<void> {
    const { scheduler, swarm } = this.world;
    const untilMs = scheduler.nowMs + swarm.safetyMs;
    const { killAfter } = this.options;
    if (killAfter === undefined) {
      planClusterFaults(this.#scene);
      planStrikes(this.#scene);
      planLateAnswers(this.#lateScene);
      planLossesInRebuilds(this.#rebuildScene);
      planLostExpiries(this.#expiryScene);
      this.#planTurns();
    } else if (killAfter.saga !== 'bootstrap') {
      planSagaKill(this.world, killAfter);
      beginSaga(this.world, killAfter.saga, this.#primary());
    }
    while (scheduler.runNext(untilMs)) {
      if (scheduler.promised) await scheduler.settle();
      this.#afterStep();
    }
    this.#over = true;
    if (killAfter === undefined || this.#serves()) return;
    throw new Violation('a saga is through although nothing was mended', this.#describe());
  }

  #planTurns(): void {
    const { site } = this.world;
    if (site === null) return;
    site.begin();
    new SiteTurns(this.#scene, site).begin();
  }

  /** A primary that acknowledges, as the leader knows it. */
  #serves(): boolean {
    const primary = this.#primary();
    const leader = this.world.controllers.find(({ life }) => life?.serving === true)?.life;
    const state = leader?.store.cluster(CLUSTER);
    if (primary === null || state?.lease.kind !== 'Held' || !state.lease.serving) return false;
    return state.operation.kind === 'none' && primary.postgres.diskHungSinceMs === null;
  }

  /** All faults end: a primary serves, everybody streams, clients write, all is everywhere. */
  async livenessPhase(): Promise<void> {
    const { world } = this;
    healCluster(this.#scene);
    world.trace.add(world.scheduler.nowMs, 'healed');
    const before = this.#oracle.writes.acknowledgedCount;
    let saidMs = 0;
    await this.#until(LIVENESS_MS, 'the cluster finds together after healing', () => {
      if (world.scheduler.nowMs - saidMs > 3_000) {
        saidMs = world.scheduler.nowMs;
        order(world, { type: 'resume' });
      }
      return this.#oracle.writes.acknowledgedCount > before && this.#together();
    });
    const primary = this.#primary();
    if (primary !== null) this.#oracle.writes.checkAll(primary);
    this.#throwViolation();
    world.stats['acknowledged'] = this.#oracle.writes.acknowledgedCount;
    world.stats['lost'] = this.#oracle.writes.lostCount;
  }

  async #until(limitMs: number, what: string, reached: () => boolean): Promise<void> {
    const { scheduler } = this.world;
    const untilMs = scheduler.nowMs + limitMs;
    let lookMs = scheduler.nowMs + LOOK_MS;
    while (scheduler.runNext(untilMs)) {
      if (scheduler.promised) await scheduler.settle();
      this.#afterStep();
      if (scheduler.nowMs < lookMs) continue;
      lookMs = scheduler.nowMs + LOOK_MS;
      if (reached()) return;
    }
    throw new Violation(what, this.#describe());
  }

  #primary(): SimNode | null {
    const holder = this.#oracle.grant?.holder;
    const node = this.world.nodes.find(({ name }) => name === holder);
    return node?.postgres.writable === true ? node : null;
  }

  #together(): boolean {
    const primary = this.#primary();
    if (primary === null || primary.postgres.phase !== 'running') return false;
    const leader = this.world.controllers.find(({ life }) => life?.serving === true)?.life;
    const state = leader?.store.cluster(CLUSTER);
    if (state?.lease.kind !== 'Held' || !state.lease.serving) return false;
    if (state.operation.kind !== 'none' || state.lease.holder !== primary.name) return false;
    if (!this.#syncSetIsWhole(state, primary)) return false;
    return this.world.nodes.every(({ postgres }) => {
      if (postgres === primary.postgres) return true;
      const streams = postgres.receiver?.upstream === primary.postgres;
      return streams && postgres.role === 'standby' && isPrefix(postgres.wal, primary.postgres.wal);
    });
  }

  /** Commits wait for as many as they should, and a failover may rely on them. */
  #syncSetIsWhole(state: ClusterState, primary: SimNode): boolean {
    if (!isSynchronous(state)) return true;
    const { noSync, noFailover, settings } = this.world.swarm;
    const may = this.world.nodes.filter(
      ({ name }) => name !== primary.name && name !== noSync && name !== noFailover,
    );
    const { sync } = state;
    if (sync?.confirmedAt == null) return false;
    const wanted = Math.min(settings.synchronousNodeCount, may.length);
    return sync.ordered.count === wanted && (sync.committed?.count ?? 0) === wanted;
  }

  /** Beside each instance a client that writes whenever it is let. */
  #startClients(): void {
    const { scheduler, swarm, nodes, site } = this.world;
    // A standby that no load lets into the synchronous set would keep the world from being whole.
    const { synchronousMode, maximumLagOnSyncStandbyBytes: lagLimit } = swarm.settings;
    const bulkLags = synchronousMode !== 'off' && lagLimit <= BULK_MAX;
    for (const { postgres } of site === null ? nodes : [...nodes, site.node]) {
      const next = (): void => {
        const drawn = this.#clients.chance(swarm.bulkChance);
        const bulk = drawn && !(bulkLags && this.world.network.healed);
        postgres.write(bulk ? this.#clients.range(5_000, BULK_MAX) : this.#clients.range(60, 900));
        scheduler.after(swarm.writeEveryMs * (0.5 + this.#clients.unit()), next);
      };
      scheduler.after(this.#clients.unit() * swarm.writeEveryMs, next);
    }
  }

  #afterStep(): void {
    this.#steps += 1;
    this.#throwViolation();
    if (this.#steps > STEPS_MAX) throw new Violation('no storm of messages', this.#describe());
  }

  countSteps(): void {
    const { scheduler, stats } = this.world;
    stats['steps'] = this.#steps;
    stats['simulatedMs'] = scheduler.nowMs;
  }

  #throwViolation(): void {
    const { violation } = this.#oracle;
    if (violation !== null) throw violation;
  }

  #describe(): Record<string, unknown> {
    const { nodes, controllers } = this.world;
    const leader = controllers.find(({ life }) => life?.serving === true)?.life;
    const state = leader?.store.cluster(CLUSTER);
    return {
      lease: state?.lease.kind,
      operation: state?.operation.kind,
      paused: state?.paused,
      leader: leader?.seat.name ?? null,
      nodes: nodes.map(({ name, postgres, agent }) => ({
        name,
        phase: postgres.phase,
        role: postgres.role,
        directory: postgres.directory.kind,
        timeline: postgres.timeline,
        goal: agent.life?.goal?.kind ?? null,
        running: agent.life?.steps.running?.kind ?? null,
        problem: agent.life?.reconciler.problem ?? null,
        agent: agent.life?.describe() ?? null,
        receiver: postgres.receiver?.upstream.node.name ?? null,
      })),
    };
  }
}

function membershipOf(size: number): Membership {
  const voters = Array.from({ length: size }, (_, at) => at + 1);
  return {
    members: voters.map((id) => ({ id, name: `c${id}`, address: `c${id}:7400` })),
    voters,
    outgoing: [],
    learners: [],
  };
}
