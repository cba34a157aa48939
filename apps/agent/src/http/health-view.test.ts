import { describe, expect, it } from 'vitest';
import type { AgentReport, PostgresCondition } from '#libs/cluster';
import { epoch, guardIncarnation, instanceName, parseLsn, timelineId } from '#libs/kernel';
import { runningCluster, type Scenario, syncCluster } from '#libs/testing';
import {
  type HealthView,
  isAsync,
  isPrimary,
  isQuorum,
  isReady,
  isReplica,
  isStandbyLeader,
  isSync,
  parseBytes,
} from './health-view.ts';
import { patroniStatus } from './patroni-status.ts';

const tags = { noFailover: false, noLoadBalance: false, failoverPriority: 1 };
const primary: PostgresCondition = {
  kind: 'primary',
  timeline: timelineId(1),
  writeLsn: parseLsn('0/3000000'),
  readOnly: false,
  standbys: [],
};
const standby: PostgresCondition = {
  kind: 'standby',
  timeline: timelineId(1),
  receivedLsn: parseLsn('0/3000000'),
  replayedLsn: parseLsn('0/2FFFF00'),
  receiver: {
    streaming: true,
    from: null,
    latestEndLsn: parseLsn('0/3000000'),
    latestEndAgeMs: 5,
  },
};

function view(postgres: PostgresCondition, changes: Partial<HealthView> = {}): HealthView {
  const report: AgentReport = {
    instance: instanceName('pg1'),
    actedVersion: 1,
    postgresEndpoint: { host: '127.0.0.1', port: 5432 },
    agentEndpoint: { host: '127.0.0.1', port: 8008 },
    tags,
    guard: { incarnation: guardIncarnation('g'), epoch: epoch(1), remainingMs: 2_000 },
    dataDirectory: { kind: 'empty' },
    postgres,
    detached: null,
    downForMs: 0,
    abandonedHandOver: null,
    activity: null,
    problem: null,
  };
  return {
    report,
    lookAgeMs: 50,
    leaseRemainingMs: 2_000,
    goal: null,
    state: null,
    noLoadBalance: false,
    tags: { nofailover: false, site: 'a' },
    connectedControllers: 3,
    clientsKeptOut: false,
    ...changes,
  };
}

const remote = { host: '10.1.0.11', port: 5432, slot: null, user: null };
const leading: HealthView['goal'] = {
  kind: 'standby',
  upstream: {
    name: instanceName('remote-primary'),
    postgres: remote,
    agent: remote,
    tags,
  },
  ...{ remote, mayBeAhead: true, epoch: epoch(0), timeline: timelineId(1), history: [] },
  ...{ systemIdentifier: '7', hurry: false, rebuild: null, methods: [], promiseReleased: true },
};

describe('isStandbyLeader', () => {
  it.each([
    ['streams from a remote primary', view(standby, { goal: leading }), true],
    ['a standby of its own cluster', view(standby), false],
    ['a look that is too old', view(standby, { goal: leading, lookAgeMs: 5_000 }), false],
    ['one that was just promoted', view(primary, { goal: leading }), false],
  ])('%s', (_name, subject, expected) => {
    expect(isStandbyLeader(subject)).toBe(expected);
    expect(isReplica(subject, {}) && expected).toBe(false);
  });

  it('that replays an archive is ready, although it never streams', () => {
    const receivesNothing: PostgresCondition = { ...standby, receiver: null };
    const archive = { archive: 'pgbackrest' } as const;
    const goal = { ...leading, upstream: null, remote: archive, archiveOnly: true } as const;
    expect(isStandbyLeader(view(receivesNothing, { goal }))).toBe(true);
    expect(isReady(view(receivesNothing, { goal }), {})).toBe(true);
    expect(isReady(view(receivesNothing, { goal: leading }), {})).toBe(false);
  });

  it('is called so as in Patroni', () => {
    const names = { cluster: 'dr', instance: 'pg1', version: '1' };
    const status = patroniStatus({ view: view(standby, { goal: leading }), sql: null, ...names });
    expect(status).toMatchObject({ role: 'standby_leader' });
  });
});

describe('isPrimary', () => {
  it.each([
    ['a primary with a lease', view(primary), true],
    ['its lease has run out', view(primary, { leaseRemainingMs: 0 }), false],
    ['it holds no lease', view(primary, { leaseRemainingMs: null }), false],
    ['it is read-only', view({ ...primary, readOnly: true }), false],
    ['the last look is old', view(primary, { lookAgeMs: 2_500 }), false],
    ['it keeps its clients out (safety 12)', view(primary, { clientsKeptOut: true }), false],
    ['a standby', view(standby), false],
  ])('%s', (_name, given, expected) => {
    expect(isPrimary(given)).toBe(expected);
  });
});

describe('isReplica', () => {
  it.each([
    ['a streaming standby', standby, {}, {}, true],
    ['within the lag', standby, { lag: '256' }, {}, true],
    ['one byte too far behind', standby, { lag: '255' }, {}, false],
    ['a lag with a unit', standby, { lag: '1kB' }, {}, true],
    ['a lag that is no size', standby, { lag: 'much' }, {}, false],
    ['tagged not to serve reads', standby, {}, { noLoadBalance: true }, false],
    ['with the tag', standby, { tag_site: 'a' }, {}, true],
    ['with another value of the tag', standby, { tag_site: 'b' }, {}, false],
    ['without the tag', standby, { tag_rack: '1' }, {}, false],
    [
      'not streaming',
      { ...standby, receiver: null },
      { replication_state: 'streaming' },
      {},
      false,
    ],
    ['a primary', primary, {}, {}, false],
  ] as const)('%s', (_name, postgres, query, changes, expected) => {
    expect(isReplica(view(postgres, changes), query)).toBe(expected);
  });
});

describe('whether commits wait for a standby', () => {
  const heard = (instance: string, scenario: Scenario, postgres = standby): HealthView => {
    const report = scenario.observations.instances[instance]?.report;
    if (report == null) throw new Error(`${instance} was not heard`);
    return view(standby, { report: { ...report, postgres }, state: scenario.state });
  };
  const answers = (given: HealthView) => [isSync, isQuorum, isAsync].map((is) => is(given, {}));

  it.each([
    { mode: 'priority', instance: 'pg2', sync: true, quorum: false, async: false },
    { mode: 'priority', instance: 'pg3', sync: false, quorum: false, async: true },
    { mode: 'quorum', instance: 'pg2', sync: false, quorum: true, async: false },
    { mode: 'quorum', instance: 'pg3', sync: false, quorum: true, async: false },
  ] as const)('$mode, $instance', ({ mode, instance, sync, quorum, async }) => {
    const scenario = syncCluster({ synchronousMode: mode });
    expect(answers(heard(instance, scenario))).toEqual([sync, quorum, async]);
    // A copy of the same instance that was made anew is another one.
    const given = heard(instance, scenario);
    const renewed = { ...given, report: { ...given.report, replicationName: 'demo/x/1' } };
    expect(answers(renewed as HealthView)).toEqual([false, false, true]);
    // Without a controller nobody tells this host of a change.
    const alone = { ...heard(instance, scenario), connectedControllers: 0 };
    expect(answers(alone)).toEqual([false, false, false]);
  });

  it('nobody is waited for in mode off, and the primary is none of them', () => {
    const off = { ...heard('pg2', runningCluster()), connectedControllers: 0 };
    expect(answers(off)).toEqual([false, false, true]);
    expect(answers(heard('pg1', syncCluster(), primary as never))).toEqual([false, false, false]);
  });
});

it('a standby is ready only while it streams', () => {
  expect(isReady(view(standby), {})).toBe(true);
  expect(isReady(view({ ...standby, receiver: null }), {})).toBe(false);
  expect(isReady(view(primary), {})).toBe(true);
});

it.each([
  ['16384', 16_384n],
  ['16kB', 16_384n],
  ['10MB', 10_485_760n],
  ['1 GB', 1_073_741_824n],
  ['-1', null],
  ['x', null],
])('parseBytes %s', (text, expected) => {
  expect(parseBytes(text)).toBe(expected);
});
