import { describe, expect, it } from 'vitest';
import {
  dataOn,
  detachedAt,
  holding,
  hostLost,
  named,
  primaryOn,
  runningCluster,
  Scenario,
} from '#libs/testing';
import { goalOf } from '../../goal-of.ts';

describe('failover after the primary host is lost', () => {
  it('waits for the lease, detaches, grants a new timeline to the furthest, completes', () => {
    const scenario = hostLost(runningCluster(), 'pg1');
    expect(scenario.settle()).toEqual(['expire-lease']);
    expect(goalOf(scenario.state, named('pg2'))).toMatchObject({
      kind: 'detached',
      throughEpoch: 1,
    });
    scenario.hears('pg2', { detached: detachedAt(1, 1, 90n) });
    expect(scenario.settle()).toEqual([]);
    scenario.hears('pg3', { detached: detachedAt(1, 1, 95n) });
    expect(scenario.settle()).toEqual(['grant-to-candidate']);
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 2, holder: 'pg3', timeline: 2 });
    const data = dataOn(2, [[1, 95n]]);
    const serving = { guard: holding('pg3', 2), postgres: primaryOn(2), dataDirectory: data };
    scenario.hears('pg3', serving).settle();
    expect(scenario.last('Promoted')).toMatchObject({ timeline: 2, fork: { from: 1, lsn: 95n } });
    expect(scenario.last('FailoverCompleted')).toMatchObject({ primary: 'pg3', lostBytes: 5n });
    expect(goalOf(scenario.state, named('pg1'))).toMatchObject({ kind: 'standby', timeline: 2 });
  });

  it('takes one that is detached when another does not answer in time', () => {
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    scenario
      .hears('pg2', { detached: detachedAt(1, 1, 90n) })
      .later(1_500)
      .settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2' });
  });

  it.each([
    { rule: 'lag', change: { detached: detachedAt(1, 1, 1n) } },
    { rule: 'timeline-diverged', change: { detached: detachedAt(1, 7, 2_000_000n) } },
    { rule: 'no-guard', change: { guard: null } },
    {
      rule: 'foreign-data',
      change: {
        detached: detachedAt(1, 1, 2_000_000n),
        dataDirectory: { ...dataOn(1), systemIdentifier: '42' },
      },
    },
    {
      rule: 'tagged-no-failover',
      change: { tags: { noFailover: true, noLoadBalance: false, failoverPriority: 0 } },
    },
  ])('promotes nobody when every standby is refused by $rule, and records it once', (row) => {
    const scenario = runningCluster();
    const lastKnown = { timeline: 1, lsn: 2_000_000n, ageMs: 100 } as never;
    hostLost(scenario.with({ lastKnown }), 'pg1').settle();
    for (const name of ['pg2', 'pg3']) scenario.hears(name, row.change);
    scenario.settle();
    const refusal = scenario
      .last('ActionRefused')
      .refusals.find(({ instance }) => instance === 'pg2');
    expect(refusal?.rule).toBe(row.rule);
    expect(scenario.state.operation.kind).toBe('failover');
    expect(scenario.later(60_000).hears('pg2', row.change).settle()).toEqual([]);
  });

  it('lets an operator accept the loss for this one decision', () => {
    const scenario = runningCluster();
    const lastKnown = { timeline: 1, lsn: 9_000_000n, ageMs: 100 } as never;
    hostLost(scenario.with({ lastKnown }), 'pg1').settle();
    for (const name of ['pg2', 'pg3']) scenario.hears(name, { detached: detachedAt(1, 1, 9n) });
    scenario.settle();
    scenario.command({ type: 'failover', to: named('pg3'), acceptLoss: true });
    scenario.settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg3' });
  });

  it('waits for an operator when the position was never known and a standby is missing', () => {
    const scenario = hostLost(runningCluster().with({ lastKnown: null }), 'pg1').silent('pg3');
    scenario.settle();
    scenario
      .hears('pg2', { detached: detachedAt(1, 1, 90n) })
      .later(2_000)
      .settle();
    expect(scenario.last('ActionRefused').refusals.map(({ rule }) => rule)).toContain(
      'position-unknown',
    );
  });

  it('gives the old primary the next epoch without a promotion when it comes back furthest', () => {
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    scenario.hears('pg1', { detached: detachedAt(1, 1, 100n), dataDirectory: dataOn(1) });
    scenario.hears('pg1', { postgres: { kind: 'stopped' } });
    for (const name of ['pg2', 'pg3']) scenario.hears(name, { detached: detachedAt(1, 1, 90n) });
    scenario.settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 2, holder: 'pg1', timeline: 1 });
  });

  it('goes on with the first primary when it was lost before anybody heard it serve', () => {
    const scenario = new Scenario();
    scenario.hears('pg1').settle();
    scenario.hears('pg1', { dataDirectory: dataOn(1) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 1, holder: 'pg1', timeline: 1 });
    hostLost(scenario, 'pg1').settle();
    expect(scenario.state.history).toEqual([]);
    scenario.hears('pg1', { detached: detachedAt(1, 1, 90n), postgres: { kind: 'stopped' } });
    scenario.settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 2, holder: 'pg1', timeline: 2 });
    const data = dataOn(2, [[1, 90n]]);
    const serving = { guard: holding('pg1', 2), postgres: primaryOn(2), dataDirectory: data };
    scenario.hears('pg1', serving).settle();
    expect(scenario.state.history).toEqual([
      { timeline: 1, fork: null },
      { timeline: 2, fork: { from: 1, lsn: 90n } },
    ]);
  });

  it('uses failoverPriority among equals', () => {
    const scenario = runningCluster();
    const preferred = { noFailover: false, noLoadBalance: false, failoverPriority: 9 };
    scenario.hears('pg3', { tags: preferred }).settle();
    hostLost(scenario, 'pg1').settle();
    scenario.hears('pg2', { detached: detachedAt(1, 1, 99n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 99n) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg3' });
  });

  it('never gives a timeline id out twice, even when a candidate dies in its promotion', () => {
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    for (const name of ['pg2', 'pg3']) scenario.hears(name, { detached: detachedAt(1, 1, 90n) });
    scenario.settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', timeline: 2 });
    hostLost(scenario, 'pg2').settle();
    scenario
      .hears('pg3', { detached: detachedAt(2, 1, 90n) })
      .later(1_500)
      .settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 3, holder: 'pg3', timeline: 3 });
  });

  it('withdraws a promotion that lasts too long and tries the next', () => {
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    for (const name of ['pg2', 'pg3']) scenario.hears(name, { detached: detachedAt(1, 1, 90n) });
    scenario.settle();
    expect(scenario.later(3_000).settle()).toEqual(['withdraw-promotion']);
    expect(goalOf(scenario.state, named('pg2'))).toEqual({ kind: 'yield', epoch: 2 });
    scenario.releases('yielded');
    scenario.hears('pg3', { detached: detachedAt(2, 1, 90n) });
    scenario.hears('pg2', { detached: detachedAt(2, 1, 90n) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 3, holder: 'pg3', timeline: 3 });
  });
});

describe('a new leader', () => {
  it('reads silence as absence only after a lease period', () => {
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    scenario.hears('pg2', { detached: detachedAt(1, 1, 90n) });
    const { pg2 } = scenario.observations.instances;
    if (pg2 === undefined) throw new Error('pg2 was observed');
    scenario.with({ instances: { pg2 }, servingForMs: 500 }).later(2_000);
    expect(scenario.settle()).toEqual([]);
    scenario.with({ servingForMs: 3_000 });
    expect(scenario.settle()).toEqual(['grant-to-candidate']);
  });
});
