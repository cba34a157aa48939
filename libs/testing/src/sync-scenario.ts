/** Given / when / then for synchronous clusters: pg1 serves, commits wait for pg2 and pg3. */
import {
  type AgentReport,
  type ClusterSettings,
  type PostgresCondition,
  type PrimaryProbes,
  standingSetting,
} from '#libs/cluster';
import { type Epoch, epoch, instanceName, lsnOf } from '#libs/kernel';
import {
  dataOn,
  detachedAt,
  holding,
  primaryOn,
  runningCluster,
  type Scenario,
  standbyAt,
} from './cluster-scenario.ts';

export const nameOf = (instance: string) => `demo/${instance}/0000`;

type Options = {
  /** Flush position of each standby that streams, as the primary sees it. */
  readonly flushed: Readonly<Record<string, bigint>>;
  readonly written?: bigint;
  /** False: the primary's agent has not proved what it was told last. */
  readonly proved?: boolean;
  readonly absent?: readonly { readonly name: string; readonly forMs: number }[];
  readonly twice?: string;
  readonly from?: Readonly<Record<string, string>>;
  /** Of a member known by its host name: from an address that this name has not. */
  readonly foreign?: string;
};

/** What the primary reports: it runs what it was told last, and sees these standbys. */
export function primarySees(scenario: Scenario, options: Options, timeline = 1): PostgresCondition {
  const {
    flushed,
    written = 100n,
    proved = true,
    absent = [],
    twice,
    from = {},
    foreign,
  } = options;
  const { sync } = scenario.state;
  const names = [...Object.keys(flushed), ...(twice === undefined ? [] : [twice])];
  const base = primaryOn(timeline, written);
  if (base.kind !== 'primary') throw new Error('not a primary');
  return {
    ...base,
    standbys: names.map((instance) => ({
      applicationName: nameOf(instance),
      host: from[instance] ?? null,
      state: 'streaming',
      flushLsn: lsnOf(flushed[instance] ?? 0n),
      replayLsn: null,
      syncState: 'quorum',
      ...(instance === foreign ? { foreign: true } : {}),
    })),
    ...(sync === undefined
      ? {}
      : {
          synchronous: {
            setting: sync.ordered,
            proved,
            order: proved ? sync.order : sync.order - 1,
            flushedTo: lsnOf(90n),
            absent,
          },
        }),
  };
}

/** A standby that is ready to be promoted: its own commits would wait for the others. */
export function readyStandby(scenario: Scenario, instance: string, lsn: bigint): PostgresCondition {
  const name = Object.values(scenario.state.members).find((each) => each.name === instance)?.name;
  const standby = standbyAt(1, lsn);
  if (standby.kind !== 'standby' || name === undefined) throw new Error(`no ${instance}`);
  const setting = standingSetting(scenario.state, name);
  const synchronous = { setting, proved: true, order: null, flushedTo: null, absent: [] };
  return { ...standby, synchronous };
}

/** pg1 serves epoch 1, commits wait for pg2 and pg3, which a failover may rely on. */
export function syncCluster(settings: Partial<ClusterSettings> = {}): Scenario {
  const scenario = runningCluster({ synchronousMode: 'quorum', ...settings });
  for (const name of ['pg1', 'pg2', 'pg3']) scenario.hears(name, { replicationName: nameOf(name) });
  scenario.settle();
  for (const name of ['pg2', 'pg3']) {
    scenario.hears(name, { postgres: readyStandby(scenario, name, 100n) });
  }
  return keepsUp(scenario, { pg2: 100n, pg3: 100n });
}

/** The primary reports and the rules decide, until nothing changes any more. */
export function keepsUp(scenario: Scenario, flushed: Readonly<Record<string, bigint>>): Scenario {
  for (let round = 0; round < 10; round += 1) {
    const before = scenario.state.version;
    scenario.hears('pg1', { postgres: primarySees(scenario, { flushed }) }).settle();
    if (scenario.state.version === before) return scenario;
  }
  throw new Error(`it does not settle: ${scenario.types.join(', ')}`);
}

export function probesOf(of: Epoch, change: Partial<PrimaryProbes> = {}): Partial<AgentReport> {
  const nothing = { guardAnswered: false, agentAnswered: false, postgresAnswered: false };
  const common = {
    primaryInstance: instanceName('pg1'),
    epoch: of,
    receiverReset: false,
    ageMs: 100,
  };
  return { probes: { ...common, ...nothing, ...change } };
}

/** No renewal for `silentMs`, the agent is not heard either, and the standbys reach nothing. */
export function primaryVanishes(scenario: Scenario, silentMs = 850): Scenario {
  for (const name of ['pg2', 'pg3']) scenario.hears(name, probesOf(epoch(1)));
  return scenario.silent('pg1', silentMs).with({ lease: { silentMs, expiryDue: false } });
}

export function isDetached(scenario: Scenario, name: string, lsn: bigint, through = 1): Scenario {
  const actedVersion = scenario.state.version;
  return scenario.hears(name, { detached: detachedAt(through, 1, lsn), actedVersion });
}

/** `name` was promoted to `timeline` in `of`, and tells so. */
export function tellsThatItServes(
  scenario: Scenario,
  name: string,
  of: number,
  timeline: number,
): Scenario {
  return scenario.hears(name, {
    guard: holding(name, of),
    detached: null,
    dataDirectory: dataOn(timeline, [[1, 100n]]),
    postgres: primarySees(scenario, { flushed: {}, proved: false }, timeline),
  });
}
