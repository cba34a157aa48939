import { describe, expect, it } from 'vitest';
import { epochMs, instanceName } from '#libs/kernel';
import { dataOn, hostLost, runningCluster, type Scenario, standbyAt } from '#libs/testing';
import { goalOf } from '../../goal-of.ts';
import { DEFAULT_REBUILD_POLICY, type RebuildPolicy } from '../../rebuild/policy.ts';
import type { RebuildEvent } from '../../rebuild/rebuild-events.ts';
import { evolveRebuilds, isExhausted, type Rebuilds } from '../../rebuild/rebuild-record.ts';
import type { RebuildReport } from '../../rebuild/rebuild-report.ts';
import { whyNotInPlace } from './rebuild.ts';

const pg2 = instanceName('pg2');
const started: RebuildEvent = {
  type: 'RebuildStarted',
  instance: pg2,
  trigger: 'operator',
  reason: 'an operator ordered it',
  methods: ['pgbackrest', 'basebackup'],
  from: null,
  force: false,
};

function folded(...events: readonly RebuildEvent[]): Rebuilds {
  return events.reduce<Rebuilds>(
    (rebuilds, event, index) =>
      evolveRebuilds(rebuilds, event, { sequence: 10 + index, at: epochMs(index) }),
    {},
  );
}

function failed(method: 'pgbackrest' | 'basebackup', reason: string): RebuildEvent {
  return { type: 'RebuildMethodFailed', instance: pg2, method, reason, remaining: 0 };
}

describe('what is remembered of a rebuild', () => {
  it('is the order until it is complete', () => {
    expect(folded(started)['pg2']).toMatchObject({ order: 10, failures: [], cancelled: false });
    const done: RebuildEvent = {
      type: 'RebuildCompleted',
      instance: pg2,
      method: 'basebackup',
      tookMs: 1,
      copiedBytes: 1n,
    };
    expect(folded(started, done)).toEqual({});
  });

  it('is each reason, until every method has one', () => {
    const half = folded(started, failed('pgbackrest', 'no backup'))['pg2'];
    expect(half !== undefined && isExhausted(half)).toBe(false);
    const all = folded(
      started,
      failed('pgbackrest', 'no backup'),
      failed('basebackup', 'no answer'),
      failed('pgbackrest', 'still none'),
    )['pg2'];
    expect(all !== undefined && isExhausted(all)).toBe(true);
    expect(all?.failures.map(({ reason }) => reason)).toEqual(['no answer', 'still none']);
  });

  it('keeps a cancelled one from beginning by itself, and a new order ends that', () => {
    const cancelled: RebuildEvent = { type: 'RebuildCancelled', instance: pg2 };
    expect(folded(started, cancelled)['pg2']?.cancelled).toBe(true);
    expect(folded(started, cancelled, started)['pg2']).toMatchObject({
      order: 12,
      cancelled: false,
    });
  });
});

/** pg1 is primary, pg2 and pg3 stream. */
function cluster(policy: Partial<RebuildPolicy> = {}): Scenario {
  const scenario = runningCluster();
  const { state } = scenario;
  const rebuild = { ...DEFAULT_REBUILD_POLICY, methods: METHODS, ...policy };
  scenario.state = { ...state, postgres: { ...state.postgres, rebuild } };
  scenario.log.length = 0;
  return scenario;
}

const METHODS = ['pg_rewind', 'pgbackrest', 'basebackup'] as const;
const DIVERGED = 'pg_rewind failed: it saw nothing to do';
const order = { type: 'rebuild', instance: pg2, method: null, from: null, force: false } as const;

function saying(change: Partial<RebuildReport>): { readonly rebuild: RebuildReport } {
  const nothing = {
    wants: null,
    order: null,
    phase: 'waiting',
    method: null,
    failures: [],
  } as const;
  const progress = { doneBytes: 0n, totalBytes: null, bytesPerSecond: null, secondsLeft: null };
  return { rebuild: { ...nothing, ...progress, tookMs: 1_234.5, ...change } };
}

const wants = saying({ wants: DIVERGED });

/** pg2 was ordered to be built anew; returns what its agent says of that order. */
function ordered(scenario: Scenario) {
  scenario.command(order);
  const number = scenario.state.rebuilds?.['pg2']?.order ?? 0;
  return (change: Partial<RebuildReport>) => saying({ order: number, ...change });
}

describe('a rebuild that an agent asks for', () => {
  it('is ordered with the reason, by the methods of the cluster', () => {
    const scenario = cluster().hears('pg2', wants);
    expect(scenario.settle()).toEqual(['order-rebuild']);
    expect(scenario.last('RebuildStarted')).toMatchObject({
      instance: 'pg2',
      trigger: 'automatic',
      reason: DIVERGED,
      methods: METHODS,
      force: false,
    });
    expect(goalOf(scenario.state, pg2)).toMatchObject({ rebuild: { reason: DIVERGED } });
    expect(scenario.hears('pg2').settle()).toEqual([]);
  });

  it('leaves a rewind out where nothing whole is there', () => {
    const scenario = cluster().hears('pg2', { ...wants, dataDirectory: { kind: 'empty' } });
    scenario.settle();
    expect(scenario.last('RebuildStarted').methods).toEqual(['pgbackrest', 'basebackup']);
  });

  it('orders two instances at once', () => {
    const scenario = cluster().hears('pg2', wants).hears('pg3', wants);
    scenario.settle();
    expect(Object.keys(scenario.state.rebuilds ?? {}).sort()).toEqual(['pg2', 'pg3']);
  });

  it.each([
    {
      given: 'automaticRebuild is never',
      policy: { automaticRebuild: 'never' },
      rule: 'automatic-rebuild',
    },
    { given: 'the cluster is paused', policy: {}, paused: true, rule: 'paused' },
  ] as const)('is refused once while $given, unless the directory is empty', (row) => {
    const scenario = cluster(row.policy);
    if ('paused' in row) scenario.state = { ...scenario.state, paused: true };
    scenario.hears('pg2', wants).settle();
    expect(scenario.types).not.toContain('RebuildStarted');
    expect(scenario.last('ActionRefused').refusals).toMatchObject([
      { instance: 'pg2', rule: row.rule },
    ]);
    expect(scenario.later(60_000).hears('pg2', wants).settle()).toEqual([]);
    scenario.hears('pg2', { ...wants, dataDirectory: { kind: 'empty' } });
    expect(scenario.settle()).toEqual(['order-rebuild']);
  });

  it.each([
    ['of the primary', (scenario: Scenario) => scenario.hears('pg1', wants)],
    [
      'of an instance that was not heard lately',
      (scenario: Scenario) => scenario.hears('pg2', wants, 60_000),
    ],
    ['while nobody serves', (scenario: Scenario) => hostLost(scenario.hears('pg2', wants), 'pg1')],
  ])('is not ordered %s', (_what, given) => {
    const scenario = given(cluster());
    scenario.settle();
    expect(scenario.types).not.toContain('RebuildStarted');
  });
});

describe('what an agent says of its rebuild', () => {
  it('is recorded once for each tenth of the bytes', () => {
    const scenario = cluster();
    const says = ordered(scenario);
    const copying = { phase: 'copying', method: 'pgbackrest', totalBytes: 1_000n } as const;
    for (const doneBytes of [50n, 99n, 100n, 150n, 199n, 430n, 430n, 1_000n]) {
      scenario.hears('pg2', says({ ...copying, doneBytes })).settle();
    }
    const recorded = scenario.log.flatMap((event) =>
      event.type === 'RebuildProgress' ? [event.doneBytes] : [],
    );
    expect(recorded).toEqual([100n, 430n, 1_000n]);
  });

  it('is each new reason, with how many methods are left', () => {
    const scenario = cluster();
    const says = ordered(scenario);
    const first = { method: 'pgbackrest', reason: 'no backup' } as const;
    const second = { method: 'basebackup', reason: 'no answer' } as const;
    scenario.hears('pg2', says({ failures: [first] })).settle();
    expect(scenario.last('RebuildMethodFailed')).toMatchObject({ ...first, remaining: 1 });
    scenario.hears('pg2', says({ failures: [first] })).settle();
    scenario.hears('pg2', says({ failures: [first, second] })).settle();
    expect(scenario.last('RebuildMethodFailed')).toMatchObject({ ...second, remaining: 0 });
    expect(scenario.types.filter((type) => type === 'RebuildMethodFailed').length).toBe(2);
    const record = scenario.state.rebuilds?.['pg2'];
    expect(record !== undefined && isExhausted(record)).toBe(true);
  });

  it('ends the order when the copy streams', () => {
    const scenario = cluster();
    const says = ordered(scenario);
    const done = { method: 'basebackup', doneBytes: 7n } as const;
    scenario.hears('pg2', says({ ...done, phase: 'starting' })).settle();
    expect(scenario.types).not.toContain('RebuildCompleted');
    scenario.hears('pg2', says({ ...done, phase: 'streaming' })).settle();
    expect(scenario.last('RebuildCompleted')).toMatchObject({
      method: 'basebackup',
      copiedBytes: 7n,
      tookMs: 1_235,
    });
    expect(goalOf(scenario.state, pg2)).toMatchObject({ rebuild: null });
  });

  it.each([
    ['of an earlier order', { order: 1 }],
    ['of none', { order: null }],
  ])('is not counted %s', (_what, change) => {
    const scenario = cluster();
    const says = ordered(scenario);
    const done = says({ phase: 'streaming', method: 'basebackup', ...change });
    expect(scenario.hears('pg2', done).settle()).toEqual([]);
  });

  it('is not counted once the order was cancelled', () => {
    const scenario = cluster();
    const says = ordered(scenario);
    scenario.command({ type: 'cancelRebuild', instance: pg2 });
    const done = says({ phase: 'streaming', method: 'basebackup' });
    expect(scenario.hears('pg2', done).settle()).toEqual([]);
    expect(scenario.hears('pg2', wants).settle()).toEqual([]);
  });
});

describe('an order to build an instance anew', () => {
  it('takes the copying methods of the cluster, or the one that is named', () => {
    const scenario = cluster({ automaticRebuild: 'never' });
    scenario.command(order);
    expect(scenario.last('RebuildStarted')).toMatchObject({
      trigger: 'operator',
      methods: ['pgbackrest', 'basebackup'],
    });
    scenario.command({ ...order, method: 'walg', force: true });
    expect(scenario.last('RebuildStarted')).toMatchObject({ methods: ['walg'], force: true });
  });

  it.each([
    ['not-a-member', { instance: instanceName('pg9') }],
    ['is-primary', { instance: instanceName('pg1') }],
    ['source', { from: pg2 }],
    ['not-a-member', { from: instanceName('pg9') }],
  ])('is refused: %s', (rule, change) => {
    const result = cluster().command({ ...order, ...change });
    expect(result).toMatchObject({ kind: 'refused', refusals: [{ rule }] });
  });

  it('is refused while nobody serves, and where no method copies', () => {
    const lost = hostLost(cluster(), 'pg1');
    lost.settle();
    expect(lost.command(order)).toMatchObject({ refusals: [{ rule: 'no-primary' }] });
    const rewinding = cluster({ methods: ['pg_rewind'] });
    expect(rewinding.command(order)).toMatchObject({ refusals: [{ rule: 'no-method' }] });
  });

  it.each([
    ['directory-unusable', { kind: 'unusable', why: 'it belongs to PostgreSQL 14' } as const],
    ['foreign-data', { ...dataOn(1), systemIdentifier: '8' }],
  ])('is refused where its agent would touch nothing: %s', (rule, dataDirectory) => {
    const postgres = { kind: 'stopped' } as const;
    const scenario = cluster().hears('pg2', { postgres, dataDirectory });
    expect(scenario.command({ ...order, force: true })).toMatchObject({ refusals: [{ rule }] });
  });

  it('does not displace one that runs, but with force, or once that is cancelled or has failed', () => {
    const running = cluster();
    ordered(running);
    expect(running.command(order)).toMatchObject({ refusals: [{ rule: 'rebuild-running' }] });
    expect(running.command({ ...order, force: true }).kind).toBe('decided');
    running.command({ type: 'cancelRebuild', instance: pg2 });
    expect(running.command(order).kind).toBe('decided');
    const exhausted = cluster();
    const failures = (['pgbackrest', 'basebackup'] as const).map((method) => ({
      method,
      reason: 'no',
    }));
    exhausted.hears('pg2', ordered(exhausted)({ failures })).settle();
    expect(exhausted.command(order).kind).toBe('decided');
  });

  it('is cancelled once', () => {
    const scenario = cluster();
    expect(scenario.command({ type: 'cancelRebuild', instance: pg2 }).kind).toBe('satisfied');
    ordered(scenario);
    expect(scenario.command({ type: 'cancelRebuild', instance: pg2 }).kind).toBe('decided');
    expect(scenario.command({ type: 'cancelRebuild', instance: pg2 }).kind).toBe('satisfied');
  });
});

describe('whether a directory may be changed in place', () => {
  const allowed = (scenario: Scenario) => whyNotInPlace(scenario.input, pg2) === null;

  it('is allowed while another standby holds all data and streams', () => {
    expect(allowed(cluster())).toBe(true);
  });

  it.each([
    ['does not stream', { postgres: standbyAt(1, 100n, false) }],
    ['is too far behind', { postgres: standbyAt(1, 100n) }, 100n + 1_048_577n],
    ['is on another timeline', { postgres: standbyAt(7, 100n) }],
    ['is down', { postgres: { kind: 'stopped' } as const, dataDirectory: dataOn(1) }],
  ])('is not when the only other standby %s', (_what, report, primaryAt = 100n) => {
    const scenario = cluster().hears('pg3', report);
    const { lastKnown } = scenario.observations;
    scenario.with({ lastKnown: lastKnown && { ...lastKnown, lsn: primaryAt as never } });
    expect(allowed(scenario)).toBe(false);
    expect(whyNotInPlace(scenario.input, pg2)).toContain('no other standby holds all data');
  });

  it('is not by what was heard long ago', () => {
    expect(allowed(cluster().hears('pg3', {}, 60_000))).toBe(false);
  });

  it('is by the word of an operator, for a while or for this order', () => {
    const alone = { postgres: standbyAt(1, 100n, false) };
    expect(allowed(cluster({ inPlaceAlone: true }).hears('pg3', alone))).toBe(true);
    const forced = cluster().hears('pg3', alone);
    forced.command({ ...order, force: true });
    expect(allowed(forced)).toBe(true);
  });
});
