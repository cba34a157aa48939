/**
 * Given / when / then for the decisions about one PostgreSQL cluster: a scenario holds the committed
 * state and what the leader has heard; `settle` lets the production rules decide until they are quiet.
 */
import {
  type AgentReport,
  admit,
  type ClusterEvent,
  type ClusterObservations,
  type ClusterState,
  type CommandDecision,
  DEFAULT_SETTINGS,
  type DecisionInput,
  decide,
  decideCommand,
  evolve,
  type GuardObservation,
  type InstanceObservation,
  type OperatorCommand,
  type PostgresCondition,
  type PostgresDefinition,
  type ReleaseReason,
  type Remote,
  raisesVersion,
  type WalPosition,
} from '#libs/cluster';
import {
  type ClusterName,
  clusterName,
  epoch,
  epochMs,
  guardIncarnation,
  type InstanceName,
  instanceName,
  lsnOf,
  timelineId,
} from '#libs/kernel';
import { PROTOCOL_MAX } from '#libs/protocol';

export const SYSTEM_IDENTIFIER = '7300000000000000001';

export type ScenarioOptions = {
  readonly name?: string;
  readonly standbyOf?: Remote;
  readonly definition?: Partial<PostgresDefinition>;
};

export class Scenario {
  state: ClusterState;
  readonly log: ClusterEvent[] = [];
  observations: ClusterObservations = {
    servingForMs: 60_000,
    sinceChangeMs: 0,
    sinceRefusalMs: null,
    instances: {},
    lease: { silentMs: 0, expiryDue: false },
    lastKnown: null,
  };
  /** Other clusters of the same controllers. */
  others: readonly Scenario[] = [];
  #nowMs = 1_000;
  readonly #name: ClusterName;

  constructor(
    settings: Partial<typeof DEFAULT_SETTINGS> = {},
    { name = 'demo', standbyOf, definition }: ScenarioOptions = {},
  ) {
    this.#name = clusterName(name);
    const postgres = {
      superuser: 'postgres',
      replicationUser: 'replicator',
      rewindUser: 'rewinder',
      parameters: {},
      pgHba: [],
      ...definition,
    };
    const created: ClusterEvent = {
      type: 'ClusterCreated',
      settings: { ...DEFAULT_SETTINGS, ...settings },
      postgres,
      ...(standbyOf === undefined ? {} : { standbyOf }),
    };
    this.state = evolve(null, this.#record(null, created));
  }

  get types(): string[] {
    return this.log.map((event) => event.type);
  }

  get input(): DecisionInput {
    const others = this.others.map(({ state }) => state);
    const protocol = PROTOCOL_MAX;
    return { state: this.state, observations: this.observations, others, protocol };
  }

  /** The last recorded event of a type; fails the test when there is none. */
  last<T extends ClusterEvent['type']>(type: T): Extract<ClusterEvent, { type: T }> {
    const found = this.log.findLast((event) => event.type === type);
    if (found === undefined) throw new Error(`no ${type} among ${this.types.join(', ')}`);
    return found as Extract<ClusterEvent, { type: T }>;
  }

  hears(name: string, change: Partial<AgentReport> = {}, ageMs = 0): this {
    const before = this.observations.instances[name]?.report ?? reportOf(name);
    const report = { ...before, ...change };
    return this.#observe(name, { report, reportAgeMs: ageMs });
  }

  hearsGuard(name: string, guard: GuardObservation | null): this {
    return this.#observe(name, { guard });
  }

  /** Heard in this term, then no more. */
  silent(name: string, ageMs = 10_000): this {
    return this.#observe(name, { reportAgeMs: ageMs });
  }

  later(ms: number): this {
    this.#nowMs += ms;
    const { sinceChangeMs, sinceRefusalMs } = this.observations;
    this.#set({
      sinceChangeMs: sinceChangeMs + ms,
      sinceRefusalMs: sinceRefusalMs === null ? null : sinceRefusalMs + ms,
    });
    return this;
  }

  with(change: Partial<ClusterObservations>): this {
    this.#set(change);
    return this;
  }

  /** Lets the rules decide until nothing is left to do; returns the rules that fired. */
  settle(): string[] {
    const fired: string[] = [];
    for (;;) {
      const decision = decide(this.input);
      if (decision === null) return fired;
      fired.push(decision.rule);
      if (fired.length > 50) throw new Error(`the rules do not settle: ${fired.join(', ')}`);
      this.record(decision.events);
    }
  }

  command(command: OperatorCommand): CommandDecision {
    const result = decideCommand(this.input, command);
    if (result.kind === 'decided') this.record(result.decision.events);
    return result;
  }

  /** The guard of who holds the lease gives it back, with the end of WAL where it knows that. */
  releases(reason: ReleaseReason, position: WalPosition | null = null): this {
    const { lease } = this.state;
    if (lease.kind !== 'Held') throw new Error(`nobody holds a lease: it is ${lease.kind}`);
    const { epoch, guard } = lease;
    return this.record([{ type: 'LeaseReleased', epoch, guard, reason, position }]);
  }

  record(events: readonly ClusterEvent[]): this {
    for (const event of events) {
      const refusal = admit(this.state, event, (name) => this.#other(name));
      if (refusal !== null) throw new Error(`${event.type} is not admitted: ${refusal}`);
      this.state = evolve(this.state, this.#record(this.state, event));
      this.log.push(event);
      if (event.type === 'ActionRefused') this.#set({ sinceRefusalMs: 0 });
      if (raisesVersion(event)) this.#set({ sinceChangeMs: 0 });
      if (event.type === 'LeaseGranted') this.#set({ lease: { silentMs: 0, expiryDue: false } });
    }
    return this;
  }

  #other(name: ClusterName): ClusterState | null {
    return this.others.find((other) => other.state.name === name)?.state ?? null;
  }

  #record(state: ClusterState | null, event: ClusterEvent) {
    return {
      cluster: this.#name,
      sequence: (state?.sequence ?? 0) + 1,
      version: (state?.version ?? 0) + (raisesVersion(event) ? 1 : 0),
      at: epochMs(this.#nowMs),
      cause: { by: 'test', rule: 'test' },
      event,
    };
  }

  #observe(name: string, change: Partial<InstanceObservation>): this {
    const before = this.observations.instances[name] ?? {
      report: null,
      reportAgeMs: null,
      guard: null,
    };
    const instances = { ...this.observations.instances, [name]: { ...before, ...change } };
    this.#set({ instances });
    return this;
  }

  #set(change: Partial<ClusterObservations>): void {
    this.observations = { ...this.observations, ...change };
  }
}

/** An agent with an empty data directory and a running guard. */
export function reportOf(name: string): AgentReport {
  return {
    instance: instanceName(name),
    actedVersion: 0,
    postgresEndpoint: { host: name, port: 5432 },
    agentEndpoint: { host: name, port: 8008 },
    tags: { noFailover: false, noLoadBalance: false, failoverPriority: 0 },
    guard: { incarnation: guardIncarnation(`${name}-g1`), epoch: null, remainingMs: null },
    dataDirectory: { kind: 'empty' },
    postgres: { kind: 'stopped' },
    detached: null,
    downForMs: 0,
    abandonedHandOver: null,
    activity: null,
    problem: null,
  };
}

export function dataOn(timeline: number, ancestors: readonly [number, bigint][] = []) {
  return {
    kind: 'initialised',
    systemIdentifier: SYSTEM_IDENTIFIER,
    walEnd: null,
    timeline: timelineId(timeline),
    ancestors: ancestors.map(([of, fork]) => ({ timeline: timelineId(of), forkLsn: lsnOf(fork) })),
    cleanShutdown: false,
  } as const;
}

export function primaryOn(timeline: number, lsn = 100n): PostgresCondition {
  const [writeLsn, standbys] = [lsnOf(lsn), []];
  return { kind: 'primary', timeline: timelineId(timeline), writeLsn, readOnly: false, standbys };
}

export function standbyAt(timeline: number, lsn: bigint, streaming = true): PostgresCondition {
  return {
    kind: 'standby',
    timeline: timelineId(timeline),
    receivedLsn: lsnOf(lsn),
    replayedLsn: lsnOf(lsn),
    receiver: streaming
      ? { streaming: true, from: null, latestEndLsn: null, latestEndAgeMs: null }
      : null,
  };
}

export function holding(name: string, of: number, incarnation = `${name}-g1`) {
  return { incarnation: guardIncarnation(incarnation), epoch: epoch(of), remainingMs: 2_000 };
}

export function walAt(timeline: number, lsn: bigint): WalPosition {
  return { timeline: timelineId(timeline), lsn: lsnOf(lsn) };
}

export function detachedAt(throughEpoch: number, timeline: number, lsn: bigint) {
  return { throughEpoch: epoch(throughEpoch), position: walAt(timeline, lsn) };
}

/** As `detachedAt`, of one that was seen to stream `timeline` until `beforeDetachMs` before. */
export function detachedAfter(
  beforeDetachMs: number,
  throughEpoch: number,
  timeline: number,
  lsn: bigint,
) {
  const streamed = { timeline: timelineId(timeline), beforeDetachMs };
  return { ...detachedAt(throughEpoch, timeline, lsn), streamed };
}

/** pg1 is primary in epoch 1 on timeline 1, pg2 and pg3 stream. */
export function runningCluster(
  settings: Partial<typeof DEFAULT_SETTINGS> = {},
  options: ScenarioOptions = {},
): Scenario {
  const scenario = new Scenario(settings, options);
  for (const name of ['pg1', 'pg2', 'pg3']) scenario.hears(name);
  scenario.settle();
  scenario.hears('pg1', { dataDirectory: dataOn(1) }).settle();
  scenario.hears('pg1', { guard: holding('pg1', 1), postgres: primaryOn(1) }).settle();
  for (const name of ['pg2', 'pg3']) {
    scenario.hears(name, { dataDirectory: dataOn(1), postgres: standbyAt(1, 100n) });
  }
  scenario.with({ lastKnown: { timeline: timelineId(1), lsn: lsnOf(100n), ageMs: 200 } });
  scenario.settle();
  return scenario;
}

/** The primary's host is gone and its lease is due to expire. */
export function hostLost(scenario: Scenario, name: string): Scenario {
  scenario.silent(name).with({ lease: { silentMs: 3_161, expiryDue: true } });
  return scenario;
}

export function named(name: string): InstanceName {
  return instanceName(name);
}
