import { describe, expect, it } from 'vitest';
import {
  type AgentReport,
  type ClusterEvent,
  type ClusterState,
  DEFAULT_SETTINGS,
  evolve,
} from '#libs/cluster';
import {
  clusterName,
  epoch,
  epochMs,
  guardIncarnation,
  type InstanceName,
  instanceName,
  parseLsn,
  timelineId,
} from '#libs/kernel';
import { explainOf } from './explain-of.ts';
import type { Heard } from './heard.ts';
import { jsonOf } from './json-text.ts';
import { createClusterRequest, switchoverRequest } from './requests.ts';
import { explainAnswer, clusterView as schema } from './status.ts';
import { clusterViewOf } from './view-of.ts';

const pg1 = instanceName('pg1');
const pg2 = instanceName('pg2');
const guard = guardIncarnation('g1');
const tags = { noFailover: false, noLoadBalance: false, failoverPriority: 1 };
const postgres = {
  superuser: 'a',
  replicationUser: 'b',
  rewindUser: 'c',
  parameters: {},
  pgHba: [],
};
const at = (host: string, port: number) => ({ host, port });

const HISTORY: readonly ClusterEvent[] = [
  { type: 'ClusterCreated', settings: DEFAULT_SETTINGS, postgres },
  ...[pg1, pg2].map((instance) => ({
    ...{ type: 'InstanceJoined' as const, instance, tags },
    postgres: at(`${instance}.example`, 5432),
    agent: at(`${instance}.example`, 8008),
  })),
  { type: 'BootstrapStarted', initialiser: pg1 },
  { type: 'ClusterInitialised', instance: pg1, systemIdentifier: '735' },
  {
    ...{ type: 'LeaseGranted', epoch: epoch(1), holder: pg1, guard, timeline: timelineId(1) },
    ...{ reason: 'bootstrap', refusals: [], position: null },
  } as ClusterEvent,
  { type: 'Promoted', epoch: epoch(1), instance: pg1, timeline: timelineId(1), fork: null },
];

function stateAfter(events: readonly ClusterEvent[]): ClusterState {
  let state: ClusterState | null = null;
  for (const [index, event] of events.entries()) {
    const sequence = index + 1;
    const place = { cluster: clusterName('main'), sequence, version: sequence, at: epochMs(1_000) };
    state = evolve(state, { ...place, cause: { by: 'test', rule: '' }, event });
  }
  return state as ClusterState;
}

function report(instance: InstanceName, condition: AgentReport['postgres']): AgentReport {
  return {
    instance,
    actedVersion: 7,
    postgresEndpoint: at(`${instance}.example`, 5432),
    agentEndpoint: at(`${instance}.example`, 8008),
    tags,
    guard: { incarnation: guard, epoch: null, remainingMs: null },
    dataDirectory: { kind: 'empty' },
    postgres: condition,
    detached: null,
    downForMs: 0,
    abandonedHandOver: null,
    activity: null,
    problem: null,
  };
}

const primary: AgentReport['postgres'] = {
  ...{ kind: 'primary', timeline: timelineId(1), writeLsn: parseLsn('0/3000100') },
  ...{ readOnly: false, standbys: [] },
};
const standby: AgentReport['postgres'] = {
  ...{ kind: 'standby', timeline: timelineId(1) },
  ...{ receivedLsn: parseLsn('0/3000000'), replayedLsn: parseLsn('0/2FFFFFF') },
  receiver: {
    ...{ streaming: true, from: at('pg1.example', 5432) },
    ...{ latestEndLsn: null, latestEndAgeMs: null },
  },
};

function heard(...reports: readonly AgentReport[]): Map<InstanceName, Heard> {
  return new Map(reports.map((each) => [each.instance, { report: each, ageMs: 120 }]));
}

describe('a cluster that follows another', () => {
  const remote = { host: '10.1.0.11', port: 5432, slot: 'site_b', user: null };
  const end = { timeline: timelineId(1), lsn: parseLsn('0/3000100') };
  const demoted = stateAfter([
    ...HISTORY,
    { type: 'ClusterDemotionStarted', epoch: epoch(1), primary: pg1, remote },
    { type: 'LeaseReleased', epoch: epoch(1), guard, reason: 'hand-over', position: end },
    { type: 'ClusterDemoted', remote, stoppedAt: end },
    { type: 'StandbyLeaderChosen', instance: pg2, reason: 'demoted', position: end },
  ]);

  it('says whom, through whom, and where its own writing ended', () => {
    const view = clusterViewOf(demoted, heard(report(pg1, standby), report(pg2, standby)));
    expect(schema.parse(view)).toEqual(view);
    expect(view).toMatchObject({ phase: 'standby', operation: null });
    expect(view.following).toEqual({
      ...{ host: '10.1.0.11', port: 5432, slot: 'site_b', archive: null },
      ...{ leader: 'pg2', stoppedAt: '0/3000100@1' },
    });
    expect(view.instances.map(({ role }) => role)).toEqual(['standby', 'standby-leader']);
    const { summary, instances } = explainOf(demoted, heard(report(pg2, standby)));
    expect(summary).toContain('nobody may write before `matriarch promote-cluster`');
    expect(instances[1]?.goal).toContain('remote primary 10.1.0.11:5432');
  });

  it('through an archive alone: lag is told against what its leader has replayed', () => {
    const archive = { archive: 'pgbackrest' } as const;
    const fed = stateAfter([
      ...HISTORY,
      { type: 'LeaseReleased', epoch: epoch(1), guard, reason: 'hand-over', position: end },
      { type: 'ClusterDemoted', remote: archive, stoppedAt: end },
      { type: 'StandbyLeaderChosen', instance: pg2, reason: 'demoted', position: end },
    ]);
    const at = (lsn: string) => ({ replayedLsn: parseLsn(lsn), receiver: null });
    // What it received by streaming before it was demoted is behind what it replayed since.
    const leads = { ...standby, ...at('0/3000400'), receivedLsn: parseLsn('0/3000100') };
    const follows = { ...standby, ...at('0/3000300'), receivedLsn: parseLsn('0/3000300') };
    const reports = heard(report(pg1, follows), report(pg2, leads));
    const view = clusterViewOf(fed, reports);
    expect(schema.parse(view)).toEqual(view);
    expect(view.following).toMatchObject({ host: null, port: null, archive: 'pgbackrest' });
    expect(view.instances.map(({ lsn, lagBytes }) => [lsn, lagBytes])).toEqual([
      ['0/3000300', '256'],
      ['0/3000400', null],
    ]);
    const { summary, instances } = explainOf(fed, reports);
    expect(summary).toContain('pg2 replays from the pgbackrest archive');
    expect(instances[1]?.goal).toContain('replays the pgbackrest archive');
    expect(instances[0]?.goal).toContain('streams from pg2');
  });

  it('is down while its leader does not run', () => {
    const stopped = report(pg2, { kind: 'stopped' });
    expect(clusterViewOf(demoted, heard(stopped)).phase).toBe('down');
  });
});

describe('clusterViewOf', () => {
  it('shows a serving cluster: roles, positions, lag and upstream', () => {
    const view = clusterViewOf(
      stateAfter(HISTORY),
      heard(report(pg1, primary), report(pg2, standby)),
    );
    expect(schema.parse(view)).toEqual(view);
    expect(view).toMatchObject({ name: 'main', phase: 'serving', operation: null, timeline: 1 });
    expect(view.lease).toEqual({ kind: 'Held', epoch: 1, holder: 'pg1', serving: true });
    expect(view.instances).toMatchObject([
      { name: 'pg1', role: 'primary', state: 'serving', lsn: '0/3000100', lagBytes: null },
      { name: 'pg2', role: 'standby', state: 'streaming', lagBytes: '256', lagText: '256 B' },
    ]);
    expect(view.instances[1]?.receivingFrom).toBe('pg1');
  });

  it('shows committed state only where nobody reported', () => {
    const view = clusterViewOf(stateAfter(HISTORY), new Map());
    expect(view.instances).toMatchObject([
      { name: 'pg1', role: null, state: 'silent', lsn: null, agent: { heardAgeMs: null } },
      { name: 'pg2', state: 'silent' },
    ]);
  });

  it.each([
    { listeningForMs: 1_200, state: 'unheard', unheardForMs: 1_200 },
    { listeningForMs: 5_100, state: 'silent', unheardForMs: null },
    { listeningForMs: null, state: 'unheard', unheardForMs: null },
  ])('after $listeningForMs ms of listening calls who was not heard $state', (given) => {
    const { listeningForMs, state, unheardForMs } = given;
    const known = heard(report(pg1, primary));
    const view = clusterViewOf(stateAfter(HISTORY), known, listeningForMs);
    expect(view).toMatchObject({ unheardForMs, instances: [{ state: 'serving' }, { state }] });
    const said = explainOf(stateAfter(HISTORY), known, [], listeningForMs).instances[1]?.condition;
    expect(said).toBe(state === 'silent' ? 'silent, no report' : 'not heard yet');
  });

  it.each([
    { condition: { kind: 'stopped' } as const, state: 'empty' },
    { condition: { kind: 'starting', progress: null, sinceMs: 5 } as const, state: 'starting' },
    { condition: { ...primary, readOnly: true }, state: 'read-only' },
    { condition: { ...standby, receiver: null }, state: 'not streaming' },
    { condition: { kind: 'foreign', pid: 9 } as const, state: 'foreign' },
  ])('shows $condition.kind as $state', ({ condition, state }) => {
    const view = clusterViewOf(stateAfter(HISTORY), heard(report(pg1, condition)));
    expect(view.instances[0]?.state).toBe(state);
  });

  it('is down when the holder of the lease says that its PostgreSQL is', () => {
    const stopped = { kind: 'stopped' } as const;
    const view = clusterViewOf(stateAfter(HISTORY), heard(report(pg1, stopped)));
    expect(view.phase).toBe('down');
  });

  it.each([
    { more: [], phase: 'serving', operation: null },
    {
      more: [{ type: 'LeaseExpired', epoch: epoch(1), silentMs: 3_200, waitMs: 3_161 } as const],
      phase: 'down',
      operation: null,
    },
    {
      more: [{ type: 'SwitchoverStarted', epoch: epoch(1), from: pg1, to: pg2 } as const],
      phase: 'serving',
      operation: 'switchover from pg1 to pg2: the primary stops',
    },
  ])('phase $phase, operation $operation', ({ more, phase, operation }) => {
    const view = clusterViewOf(stateAfter([...HISTORY, ...more]), new Map());
    expect(view).toMatchObject({ phase, operation });
  });
});

describe('explainOf', () => {
  it.each([
    [{ adopt: [pg1, pg2] }, 'the data of pg1, pg2 is taken over .*; not heard yet: pg2$'],
    [{ source: { tool: 'pgbackrest' as const, target: null } }, 'restores a backup by pgbackrest$'],
    [{}, 'initialises the cluster$'],
  ])('says of a new cluster with %j where its first data comes from', (given, says) => {
    const bootstrap = { source: null, initdbOptions: [], sql: [], ...given };
    const [created, joined] = HISTORY;
    const events = [{ ...created, postgres: { ...postgres, bootstrap } }, joined];
    const { summary } = explainOf(stateAfter(events as ClusterEvent[]), new Map());
    expect(summary).toMatch(new RegExp(says));
  });

  it('names the goal and the condition of each instance and what refused last', () => {
    const refusals = [{ instance: pg2, rule: 'is silent', value: '9 s', limit: '0.8 s' }];
    const state = stateAfter([
      ...HISTORY,
      { type: 'ActionRefused', action: 'switchover', refusals },
    ]);
    const answer = explainOf(state, heard(report(pg1, primary), report(pg2, standby)));
    expect(explainAnswer.parse(answer)).toEqual(answer);
    expect(answer.summary).toBe('pg1 is primary in epoch 1');
    expect(answer.instances.map(({ goal, condition }) => [goal, condition])).toEqual([
      ['accepts writes in epoch 1 on timeline 1', 'serving, timeline 1, at 0/3000100'],
      [
        'streams from pg1 on timeline 1',
        'streaming, from pg1, timeline 1, at 0/3000000, 256 B behind',
      ],
    ]);
    expect(answer.lastRefusal).toEqual({ action: 'switchover', at: 1_000, refusals });
  });
});

describe('a copy that lies aside', () => {
  const offer = {
    instance: pg2,
    rule: 'copy-aside',
    value: 'an earlier copy in /d.matriarch-aside, up to 0/3000060 of timeline 1',
    limit: '`matriarch failover main --to pg2 --copy-aside`',
  };
  const begun = {
    ...{ type: 'FailoverStarted', epoch: epoch(1), primary: pg1, trigger: 'lease-expired' },
    ...{ lastKnown: null, candidate: null, acceptLoss: false, excluded: [], detectMs: 3_000 },
  } as ClusterEvent;
  const lost = [
    ...HISTORY,
    { type: 'LeaseExpired', epoch: epoch(1), silentMs: 1, waitMs: 1 },
    begun,
  ];
  const refused = (refusals: readonly object[]) =>
    stateAfter([
      ...lost,
      { type: 'ActionRefused', action: 'failover', refusals },
    ] as ClusterEvent[]);

  it('is shown with the order that takes it, while nobody can serve', () => {
    const { value, ...silent } = { ...offer, rule: 'not-heard', limit: '' };
    const state = refused([{ ...silent, value: 'silent' }, offer]);
    const text = `nobody can serve, but pg2 has ${value}: it is taken by`;
    const order = 'matriarch failover main --to pg2 --copy-aside';
    expect(clusterViewOf(state, new Map()).copiesAside).toEqual([{ text, order }]);
    expect(explainOf(state, new Map()).summary).toContain(`; ${text} \`${order}\``);
  });

  it('is not shown where none is offered, or once somebody was granted the next epoch', () => {
    expect(clusterViewOf(refused([]), new Map()).copiesAside).toEqual([]);
    const granted = {
      ...{ type: 'LeaseGranted', epoch: epoch(2), holder: pg2, guard, timeline: timelineId(2) },
      ...{ reason: 'failover', refusals: [], position: null },
    } as ClusterEvent;
    const last = { type: 'ActionRefused', action: 'failover', refusals: [offer] };
    const state = stateAfter([...lost, last, granted] as ClusterEvent[]);
    expect(clusterViewOf(state, new Map()).copiesAside).toEqual([]);
  });
});

describe('requests', () => {
  it('a cluster definition survives JSON', () => {
    const credential = { username: 'a', password: null };
    const credentials = { superuser: credential, replication: credential, rewind: credential };
    const request = {
      name: clusterName('main'),
      settings: DEFAULT_SETTINGS,
      postgres,
      credentials,
    };
    const text = JSON.stringify(jsonOf(request));
    expect(createClusterRequest.parse(JSON.parse(text))).toEqual(request);
  });

  it.each([[{ to: 'PG 1' }], [{ too: 'pg1' }], [[]]])('refuses %j', (body) => {
    expect(switchoverRequest.safeParse(body).success).toBe(false);
  });
});
