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
  standbyAt,
} from '#libs/testing';
import { goalOf } from '../goal-of.ts';

describe('bootstrap', () => {
  it('initialises one instance, grants it the first epoch and lets the others follow', () => {
    const scenario = new Scenario();
    scenario.hears('pg2').settle();
    expect(goalOf(scenario.state, named('pg2')).kind).toBe('initialise');
    scenario
      .hears('pg1')
      .hears('pg2', { dataDirectory: dataOn(1) })
      .settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 1, holder: 'pg2', timeline: 1 });
    expect(goalOf(scenario.state, named('pg1')).kind).toBe('wait');
    scenario.hears('pg2', { guard: holding('pg2', 1), postgres: primaryOn(1) }).settle();
    expect(scenario.last('Promoted')).toMatchObject({ instance: 'pg2', fork: null });
    expect(goalOf(scenario.state, named('pg1'))).toMatchObject({
      kind: 'standby',
      upstream: { name: 'pg2' },
    });
  });

  it('never initialises beside a data directory that holds something', () => {
    const scenario = new Scenario();
    scenario
      .hears('pg1', { dataDirectory: dataOn(1) })
      .hears('pg2')
      .settle();
    expect(scenario.types).not.toContain('BootstrapStarted');
    expect(scenario.last('ActionRefused').refusals[0]).toMatchObject({
      instance: 'pg1',
      rule: 'data-directory-not-empty',
    });
  });

  it('gives a failed initialiser up and takes another', () => {
    const scenario = new Scenario();
    scenario.hears('pg1').settle();
    scenario.hears('pg1', { problem: 'initdb: no space left on device' }).hears('pg2').settle();
    expect(scenario.last('BootstrapAbandoned')).toMatchObject({ instance: 'pg1' });
    expect(scenario.last('BootstrapStarted')).toMatchObject({ initialiser: 'pg2' });
  });

  it('rests once every instance has failed, longer each time', () => {
    const scenario = new Scenario();
    const problem = 'wal-g has no backup LATEST';
    scenario.hears('pg1').settle();
    scenario.hears('pg1', { problem }).settle();
    expect(scenario.last('BootstrapAbandoned')).toMatchObject({ instance: 'pg1', reason: problem });
    scenario.hears('pg1', { problem: null });
    expect(scenario.later(4_900).hears('pg1').settle()).toEqual([]);
    expect(scenario.later(200).hears('pg1').settle()).toEqual(['start-bootstrap']);
    scenario.hears('pg1', { problem }).settle();
    scenario.hears('pg1', { problem: null });
    expect(scenario.later(9_900).hears('pg1').settle()).toEqual([]);
    expect(scenario.later(200).hears('pg1').settle()).toEqual(['start-bootstrap']);
  });

  it('waits for a restore as long as its agent works on it, and for initdb two minutes', () => {
    const source = { tool: 'pgbackrest', target: null } as const;
    const [restoring, initialising] = [new Scenario(), new Scenario()];
    const bootstrap = { source, initdbOptions: [], sql: [] };
    const { state } = restoring;
    restoring.state = { ...state, postgres: { ...state.postgres, bootstrap } };
    for (const scenario of [restoring, initialising]) scenario.hears('pg1').settle();
    expect(restoring.later(3_600_000).hears('pg1').settle()).toEqual([]);
    expect(initialising.later(121_000).hears('pg1').settle()).toContain('abandon-bootstrap');
  });

  it('does not let an instance with another system identifier join', () => {
    const scenario = runningCluster();
    const foreign = { ...dataOn(1), systemIdentifier: '42' };
    scenario.hears('pg4', { dataDirectory: foreign }).settle();
    expect(scenario.state.members['pg4']).toBeUndefined();
  });
});

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

  it('uses failoverPriority among equals; what else it does: fast-forward.test.ts', () => {
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
    release(scenario, 2, 'pg2', 'yielded');
    scenario.hears('pg3', { detached: detachedAt(2, 1, 90n) });
    scenario.hears('pg2', { detached: detachedAt(2, 1, 90n) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 3, holder: 'pg3', timeline: 3 });
  });
});

describe('a primary that can go on', () => {
  it('is restarted in place in the next epoch after its guard died', () => {
    const scenario = runningCluster();
    release(scenario, 1, 'pg1', 'guard-replaced');
    const guard = { ...holding('pg1', 1, 'pg1-g2'), epoch: null };
    scenario.hears('pg1', { guard, postgres: { kind: 'stopped' } });
    expect(scenario.settle()).toEqual(['restart-in-place']);
    expect(scenario.last('LeaseGranted')).toMatchObject({
      epoch: 2,
      holder: 'pg1',
      guard: 'pg1-g2',
      timeline: 1,
      reason: 'restart',
    });
    expect(goalOf(scenario.state, named('pg2'))).toMatchObject({ kind: 'standby' });
    const serving = { guard: holding('pg1', 2, 'pg1-g2'), postgres: primaryOn(1) };
    scenario.hears('pg1', serving).settle();
    expect(scenario.types.at(-1)).toBe('PrimaryResumed');
  });

  it('fails over when its host fell silent after the release', () => {
    const scenario = runningCluster();
    release(scenario, 1, 'pg1', 'guard-dead');
    scenario.silent('pg1');
    expect(scenario.settle()).toEqual(['fail-over-released']);
  });

  it('fails over at once when it was shut down on purpose', () => {
    const scenario = runningCluster();
    release(scenario, 1, 'pg1', 'shutdown');
    expect(scenario.settle()).toEqual(['fail-over-released']);
  });

  it.each([
    { downForMs: 4_999, expected: [] },
    { downForMs: 5_000, expected: ['fail-over-dead-postgres'] },
  ])('with PostgreSQL down for $downForMs ms: $expected', ({ downForMs, expected }) => {
    const scenario = runningCluster();
    scenario.hears('pg1', { postgres: { kind: 'stopped' }, downForMs });
    expect(scenario.settle()).toEqual(expected);
  });

  it('is passed over when it could not be restarted, although it stands furthest', () => {
    const scenario = restartFailed();
    for (const name of ['pg2', 'pg3']) scenario.hears(name, { detached: detachedAt(1, 1, 90n) });
    scenario.settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', timeline: 2 });
  });

  it('is tried again when nobody else can take over', () => {
    const scenario = restartFailed();
    for (const name of ['pg2', 'pg3']) scenario.silent(name);
    scenario.settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg1', timeline: 1 });
  });

  it('ends the failover when it serves again before its lease has ended', () => {
    const scenario = runningCluster();
    scenario.hears('pg1', { postgres: { kind: 'stopped' }, downForMs: 5_000 }).settle();
    expect(goalOf(scenario.state, named('pg1'))).toEqual({ kind: 'yield', epoch: 1 });
    scenario.hears('pg1', { postgres: primaryOn(1), downForMs: 0 });
    expect(scenario.settle()).toEqual(['abandon-failover']);
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

describe('switchover', () => {
  it('stops the primary, waits for its last byte on the target, grants, completes', () => {
    const scenario = runningCluster();
    scenario.command({ type: 'switchover', to: named('pg3') });
    expect(goalOf(scenario.state, named('pg1'))).toMatchObject({ kind: 'handOver', to: 'pg3' });
    release(scenario, 1, 'pg1', 'hand-over', 150n);
    scenario.hears('pg1', { postgres: { kind: 'stopped' } });
    expect(scenario.settle()).toEqual([]);
    expect(goalOf(scenario.state, named('pg3'))).toMatchObject({ kind: 'standby', hurry: true });
    scenario.hears('pg3', { postgres: standbyAt(1, 150n) });
    expect(scenario.settle()).toEqual(['grant-to-target']);
    const data = dataOn(2, [[1, 150n]]);
    const serving = { guard: holding('pg3', 2), postgres: primaryOn(2), dataDirectory: data };
    scenario.hears('pg3', serving).settle();
    expect(scenario.last('SwitchoverCompleted')).toMatchObject({ primary: 'pg3' });
    expect(goalOf(scenario.state, named('pg1'))).toMatchObject({ upstream: { name: 'pg3' } });
  });

  it('given the target was granted the next epoch, the others stream from it before it serves', () => {
    const scenario = runningCluster();
    scenario.command({ type: 'switchover', to: named('pg3') });
    release(scenario, 1, 'pg1', 'hand-over', 150n);
    scenario.hears('pg1', { postgres: { kind: 'stopped' } });
    expect(goalOf(scenario.state, named('pg2'))).toMatchObject({ upstream: { name: 'pg1' } });
    scenario.hears('pg3', { postgres: standbyAt(1, 150n) }).settle();
    expect(scenario.state.operation).toMatchObject({ kind: 'switchover', step: 'promoting' });
    const upstream = { name: 'pg3' };
    expect(goalOf(scenario.state, named('pg2'))).toMatchObject({ upstream, mayBeAhead: true });
    expect(goalOf(scenario.state, named('pg1'))).toMatchObject({ kind: 'wait' });
  });

  it.each([
    { to: 'pg9', rule: 'not-a-member' },
    { to: 'pg2', rule: 'not-streaming' },
  ])('to $to is refused by $rule', ({ to, rule }) => {
    const scenario = runningCluster().hears('pg2', { postgres: standbyAt(1, 100n, false) });
    const result = scenario.command({ type: 'switchover', to: named(to) });
    expect(result).toMatchObject({ kind: 'refused', refusals: [{ rule }] });
  });

  it('gives the old primary the next epoch when the target does not catch up', () => {
    const scenario = runningCluster();
    scenario.command({ type: 'switchover', to: named('pg3') });
    release(scenario, 1, 'pg1', 'hand-over', 150n);
    scenario.hears('pg1', { postgres: { kind: 'stopped' } }).later(2_001);
    expect(scenario.settle()).toEqual(['take-back-switchover']);
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg1', epoch: 2, timeline: 1 });
  });

  it('begins by itself when the host of the primary is shut down, to one that stays', () => {
    const scenario = runningCluster().hears('pg2', { leaving: true });
    scenario.hears('pg1', { leaving: true });
    expect(scenario.settle()).toEqual(['hand-over-leaving']);
    expect(scenario.last('SwitchoverStarted')).toMatchObject({ from: 'pg1', to: 'pg3' });
  });

  it('does not begin by itself when nobody stays, and says so once; nor in a paused cluster', () => {
    const scenario = runningCluster();
    for (const name of ['pg1', 'pg2', 'pg3']) scenario.hears(name, { leaving: true });
    expect(scenario.settle()).toEqual(['refuse-switchover']);
    expect(scenario.last('ActionRefused').refusals).toMatchObject([
      { instance: 'pg2', rule: 'leaving' },
      { instance: 'pg3', rule: 'leaving' },
    ]);
    const paused = runningCluster();
    paused.command({ type: 'pause' });
    expect(paused.hears('pg1', { leaving: true }).settle()).toEqual([]);
  });

  it('is abandoned when the primary could not stop in time', () => {
    const scenario = runningCluster();
    scenario.command({ type: 'switchover', to: named('pg3') });
    scenario.hears('pg1', { abandonedHandOver: 1 as never, actedVersion: scenario.state.version });
    expect(scenario.settle()).toEqual(['abandon-switchover']);
    expect(goalOf(scenario.state, named('pg1'))).toMatchObject({ kind: 'primary', epoch: 1 });
  });

  it('becomes a failover when the target dies after the grant', () => {
    const scenario = runningCluster();
    scenario.command({ type: 'switchover', to: named('pg3') });
    release(scenario, 1, 'pg1', 'hand-over', 150n);
    scenario.hears('pg3', { postgres: standbyAt(1, 150n) }).settle();
    release(scenario, 2, 'pg3', 'guard-dead');
    scenario.settle();
    expect(scenario.types.slice(-2)).toEqual(['SwitchoverAbandoned', 'FailoverStarted']);
  });
});

/** pg1's PostgreSQL did not come back in its time; it has released and stands furthest. */
function restartFailed(): Scenario {
  const scenario = runningCluster();
  const stopped = { postgres: { kind: 'stopped' } } as const;
  scenario.hears('pg1', { ...stopped, downForMs: 5_000 }).settle();
  release(scenario, 1, 'pg1', 'yielded');
  return scenario.hears('pg1', { ...stopped, detached: detachedAt(1, 1, 100n) });
}

function release(
  scenario: Scenario,
  epoch: number,
  holder: string,
  reason: 'hand-over' | 'guard-replaced' | 'guard-dead' | 'shutdown' | 'yielded',
  lsn?: bigint,
): void {
  const position = lsn === undefined ? null : ({ timeline: 1, lsn } as never);
  const guard = `${holder}-g1` as never;
  scenario.record([{ type: 'LeaseReleased', epoch: epoch as never, guard, reason, position }]);
}
