import { describe, expect, it } from 'vitest';
import {
  type AgentReport,
  type ClusterState,
  DEFAULT_SETTINGS,
  emptyState,
  type Lease,
  type MemberRecord,
} from '#libs/cluster';
import {
  clusterName,
  epoch,
  epochMs,
  guardIncarnation,
  instanceName,
  lsnOf,
  monotonicMs,
  timelineId,
} from '#libs/kernel';
import { CappedTime } from '#libs/lease';
import { ObservationTable } from './observations.ts';

const CAP_MS = 150;
const PG1 = instanceName('pg1');
const at = (timeline: number, lsn: bigint) => ({
  timeline: timelineId(timeline),
  lsn: lsnOf(lsn),
});

function makeTable() {
  const time = new CappedTime(CAP_MS, monotonicMs(0));
  const table = new ObservationTable(time, monotonicMs(0));
  return { time, table };
}

describe('observations', () => {
  it('name another cluster whose guard has no agent, as long as it says so (21)', () => {
    const { time, table } = makeTable();
    const heard = (agentAbsentMs: number, nowMs: number): void => {
      const guard = { incarnation: guardIncarnation('g'), epoch: epoch(1), agentAbsentMs };
      table.guardHeard('orders', PG1, { ...guard, postmaster: 'running' }, monotonicMs(nowMs));
    };
    heard(2_000, 0);
    expect(table.of('main', null).agentsAbsentElsewhere).toBeNull();
    heard(3_000, 0);
    expect(table.of('main', null).agentsAbsentElsewhere).toBe('orders');
    expect(table.of('orders', null).agentsAbsentElsewhere).toBeNull();
    heard(0, 0);
    expect(table.of('main', null).agentsAbsentElsewhere).toBeNull();
    heard(9_000, 0);
    for (let nowMs = CAP_MS; nowMs < 2_400; nowMs += CAP_MS) time.turn(monotonicMs(nowMs), true);
    expect(table.of('main', null).agentsAbsentElsewhere).toBeNull();
  });

  it.each([
    {
      why: 'it was heard last about when the own agent was',
      heardMs: 3_000,
      goneMs: 9_000,
      apartMs: 3_000,
    },
    { why: 'it was gone before', heardMs: 0, goneMs: 4_000, apartMs: 5_000 },
    { why: 'it was heard just now', heardMs: 6_100, goneMs: 9_000, apartMs: undefined },
    {
      why: 'it said that it leaves',
      heardMs: 3_000,
      goneMs: 9_000,
      leaving: true,
      apartMs: undefined,
    },
    { why: 'the own agent is there', heardMs: 3_000, goneMs: 0, apartMs: undefined },
  ])('name the agent of a standby elsewhere that vanished nearest: $why (21)', (vanished) => {
    const { heardMs, goneMs, apartMs, leaving = false } = vanished;
    const { time, table } = makeTable();
    for (let nowMs = 0; nowMs <= 9_000; nowMs += 100) {
      time.turn(monotonicMs(nowMs), true);
      if (nowMs > heardMs) continue;
      const report = { ...standbyReport('pg2', 1, 0n), leaving };
      table.reported(null, 'orders', report, monotonicMs(nowMs));
    }
    const own = { incarnation: guardIncarnation('g'), epoch: epoch(1), agentAbsentMs: goneMs };
    table.guardHeard('main', PG1, { ...own, postmaster: 'running' }, monotonicMs(9_000));
    const told = table.of('main', null).agentsVanishedElsewhere;
    expect(told).toEqual(apartMs === undefined ? undefined : { cluster: 'orders', apartMs });
    expect(table.of('orders', null).agentsVanishedElsewhere).toBeUndefined();
  });

  it('know a start of PostgreSQL from the one before, whatever was between, until it is told', () => {
    const { table } = makeTable();
    const report = (postmasterStartedAt?: number): void => {
      const seen = { instance: PG1, guard: null, detached: null, postgres: { kind: 'stopped' } };
      const started = postmasterStartedAt === undefined ? {} : { postmasterStartedAt };
      const told = { ...seen, ...started } as unknown as AgentReport;
      table.reported(null, 'main', told, monotonicMs(0));
    };
    const restarted = () => table.of('main', null).instances[PG1]?.restarted;
    // The first that this leader hears of may have run for a year.
    for (const startedAt of [1_000, undefined, 1_000]) report(startedAt);
    expect(restarted()).toBeUndefined();
    report();
    report(2_000);
    expect(restarted()).toBe(true);
    table.restartTold('main', PG1);
    report(2_000);
    expect(restarted()).toBeUndefined();
  });

  it('know since when a cluster is not paused any more, once this leader has applied that', () => {
    const { time, table } = makeTable();
    expect(table.of('main', null).sinceResumedMs).toBeUndefined();
    table.resumed('main', monotonicMs(0));
    time.turn(monotonicMs(100), true);
    expect(table.of('main', null).sinceResumedMs).toBe(100);
  });

  it('know since when a restart is under way, once this leader has applied the order', () => {
    const { time, table } = makeTable();
    expect(table.of('main', null).sinceRestartOrderedMs).toBeUndefined();
    table.restartOrdered('main', monotonicMs(0));
    time.turn(monotonicMs(100), true);
    table.versionRaised('main', monotonicMs(100));
    expect(table.of('main', null)).toMatchObject({ sinceRestartOrderedMs: 100, sinceChangeMs: 0 });
  });

  it.each([
    { why: 'an agent that does not say', lookAgeMs: undefined, ageMs: 0 },
    { why: 'a look that took some 100 ms', lookAgeMs: 600, ageMs: 0 },
    { why: 'a look that waits for its answer', lookAgeMs: 2_000, ageMs: 0 },
    { why: 'a look that hangs', lookAgeMs: 5_000, ageMs: 3_000 },
  ])('age with the look that a report tells of: $why (24)', ({ lookAgeMs, ageMs }) => {
    const { time, table } = makeTable();
    const seen = lookAgeMs === undefined ? {} : { lookAgeMs };
    const report = { ...standbyReport('pg2', 2, 60n), ...seen };
    table.reported(heldBy('pg1', 2), 'main', report, monotonicMs(0));
    time.turn(monotonicMs(100), true);
    expect(table.of('main', null).instances['pg2']?.reportAgeMs).toBe(ageMs + 100);
    // That it reports is known all the same, and what it saw is as old as it is.
    expect(table.reportAgeMs('main', 'pg2')).toBe(100);
    expect(table.lastKnown('main')?.ageMs).toBe((lookAgeMs ?? 0) + 40 + 100);
  });

  it('a standby lagged when the primary saw it, not when that was told (24)', () => {
    const { table } = makeTable();
    const report = { ...primaryReport('pg1', 0n), lookAgeMs: 700 };
    table.reported(synchronous(), 'main', report, monotonicMs(0));
    expect(table.of('main', null).instances['pg2']?.laggedAgeMs).toBe(700);
  });

  it('of a guard are news when it says something else than before, and while its agent is absent', () => {
    const { table } = makeTable();
    const said = { incarnation: guardIncarnation('g'), epoch: epoch(1), agentAbsentMs: 0 };
    const heard = (other: Partial<Parameters<typeof table.guardHeard>[2]>): boolean => {
      const guard = { ...said, postmaster: 'running', ...other } as const;
      return table.guardHeard('main', PG1, guard, monotonicMs(0));
    };
    expect([heard({}), heard({})]).toEqual([true, false]);
    expect([heard({ epoch: epoch(2) }), heard({ epoch: epoch(2) })]).toEqual([true, false]);
    expect([heard({}), heard({ postmaster: 'down' }), heard({})]).toEqual([true, true, true]);
    expect([heard({ agentAbsentMs: 400 }), heard({ agentAbsentMs: 800 })]).toEqual([true, true]);
    expect([heard({}), heard({})]).toEqual([true, false]);
  });

  it('are unknown, not false, until something was heard', () => {
    const { table } = makeTable();
    expect(table.of('main', null)).toEqual({
      ...{ servingForMs: 0, sinceChangeMs: 0, sinceRefusalMs: null },
      ...{ instances: {}, lease: null, lastKnown: null, agentsAbsentElsewhere: null },
    });
  });

  it('age by at most one cap while this process was paused', () => {
    const { time, table } = makeTable();
    const heard = { incarnation: guardIncarnation('g'), epoch: null, agentAbsentMs: 0 };
    table.guardHeard('main', PG1, { ...heard, postmaster: 'running' }, monotonicMs(0));
    time.turn(monotonicMs(100), true);
    expect(table.of('main', null).instances['pg1']?.guard?.ageMs).toBe(100);
    time.turn(monotonicMs(30_100), true);
    expect(table.of('main', null).instances['pg1']?.guard?.ageMs).toBe(100 + CAP_MS);
    expect(table.of('main', null).servingForMs).toBe(100 + CAP_MS);
  });

  it.each([
    { why: 'further on the same timeline', first: at(1, 10n), next: at(1, 20n), known: at(1, 20n) },
    { why: 'behind on the same timeline', first: at(1, 20n), next: at(1, 10n), known: at(1, 20n) },
    { why: 'on a later timeline', first: at(1, 20n), next: at(2, 5n), known: at(2, 5n) },
    { why: 'on an older timeline', first: at(2, 5n), next: at(1, 20n), known: at(2, 5n) },
  ])('the last known position, when the next news is $why', ({ first, next, known }) => {
    const { table } = makeTable();
    table.positionKnown('main', first, 0, monotonicMs(0));
    table.positionKnown('main', next, 0, monotonicMs(0));
    expect(table.lastKnown('main')).toMatchObject(known);
  });

  it('the same position heard again is fresher, and gossip keeps the age that it came with', () => {
    const { time, table } = makeTable();
    table.positionKnown('main', at(1, 10n), 700, monotonicMs(0));
    expect(table.lastKnown('main')?.ageMs).toBe(700);
    time.turn(monotonicMs(100), true);
    table.positionKnown('main', at(1, 10n), 0, monotonicMs(100));
    expect(table.lastKnown('main')?.ageMs).toBe(0);
  });

  it('a standby tells the position of the primary only while it is on the present timeline', () => {
    const { table } = makeTable();
    table.reported(heldBy('pg1', 2), 'main', standbyReport('pg2', 1, 50n), monotonicMs(0));
    expect(table.lastKnown('main')).toBeNull();
    table.reported(heldBy('pg1', 2), 'main', standbyReport('pg2', 2, 60n), monotonicMs(0));
    expect(table.lastKnown('main')).toEqual({ ...at(2, 60n), ageMs: 40 });
  });

  it('a standby that the primary of a synchronous cluster saw beyond half the limit lagged, and when', () => {
    const lagged = (flushLsn: bigint | null, { state = 'streaming', from = 'pg1' } = {}) => {
      const { time, table } = makeTable();
      table.reported(synchronous(), 'main', primaryReport(from, flushLsn, state), monotonicMs(0));
      time.turn(monotonicMs(100), true);
      table.reported(synchronous(), 'main', primaryReport('pg1', 900n), monotonicMs(100));
      return table.of('main', null).instances['pg2']?.laggedAgeMs;
    };
    expect(lagged(899n)).toBe(100);
    expect(lagged(900n)).toBeUndefined();
    expect(lagged(null)).toBeUndefined();
    // One that catches up after a restart comes back as soon as it has.
    expect(lagged(0n, { state: 'catchup' })).toBeUndefined();
    expect(lagged(0n, { from: 'pg3' })).toBeUndefined();
  });
});

/** pg1 serves, pg2 may be 200 bytes behind. */
function synchronous(): ClusterState {
  const state = heldBy('pg1', 1);
  const limits = { synchronousMode: 'quorum', maximumLagOnSyncStandbyBytes: 200n } as const;
  const pg2 = { name: instanceName('pg2'), replicationName: 'main/pg2/0' } as MemberRecord;
  return { ...state, settings: { ...state.settings, ...limits }, members: { pg2 } };
}

function primaryReport(
  instance: string,
  flushLsn: bigint | null,
  state = 'streaming',
): AgentReport {
  const standby = { host: null, state, replayLsn: null, syncState: 'async' };
  const flushed = flushLsn === null ? null : lsnOf(flushLsn);
  return {
    ...standbyReport(instance, 1, 0n),
    postgres: {
      kind: 'primary',
      timeline: timelineId(1),
      writeLsn: lsnOf(1_000n),
      readOnly: false,
      standbys: [{ applicationName: 'main/pg2/0', flushLsn: flushed, ...standby }],
    },
  };
}

function heldBy(holder: string, timeline: number): ClusterState {
  const state = emptyState(clusterName('main'), DEFAULT_SETTINGS, {
    ...{ superuser: 'a', replicationUser: 'b', rewindUser: 'c', parameters: {}, pgHba: [] },
  });
  const lease: Lease = {
    kind: 'Held',
    epoch: epoch(2),
    holder: instanceName(holder),
    guard: guardIncarnation('g'),
    timeline: timelineId(timeline),
    reason: 'failover',
    serving: true,
    released: null,
    changedAt: epochMs(0),
  };
  return { ...state, lease, history: [{ timeline: timelineId(timeline), fork: null }] };
}

function standbyReport(instance: string, timeline: number, latestEndLsn: bigint): AgentReport {
  return {
    instance: instanceName(instance),
    actedVersion: 0,
    postgresEndpoint: { host: 'h', port: 1 },
    agentEndpoint: { host: 'h', port: 2 },
    tags: { noFailover: false, noLoadBalance: false, failoverPriority: 0 },
    guard: null,
    dataDirectory: { kind: 'empty' },
    postgres: {
      kind: 'standby',
      timeline: timelineId(timeline),
      receivedLsn: null,
      replayedLsn: null,
      receiver: {
        streaming: true,
        from: null,
        latestEndLsn: lsnOf(latestEndLsn),
        latestEndAgeMs: 40,
      },
    },
    detached: null,
    downForMs: 0,
    abandonedHandOver: null,
    activity: null,
    problem: null,
  };
}
