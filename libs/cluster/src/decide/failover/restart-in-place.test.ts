import { describe, expect, it } from 'vitest';
import { detachedAt, holding, named, primaryOn, runningCluster, Scenario } from '#libs/testing';
import { goalOf } from '../../goal-of.ts';

describe('a primary that can go on', () => {
  it('is restarted in place in the next epoch after its guard died', () => {
    const scenario = runningCluster();
    scenario.releases('guard-replaced');
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
    scenario.releases('guard-dead');
    scenario.silent('pg1');
    expect(scenario.settle()).toEqual(['fail-over-released']);
  });

  it('fails over at once when it was shut down on purpose', () => {
    const scenario = runningCluster();
    scenario.releases('shutdown');
    expect(scenario.settle()).toEqual(['fail-over-released']);
  });

  it.each([
    { why: 'not readable for a second', kind: 'unusable', sinceChangeMs: 1_000, failsOver: true },
    { why: 'gone for a second', kind: 'empty', sinceChangeMs: 1_000, failsOver: true },
    { why: 'not readable for one look', kind: 'unusable', sinceChangeMs: 999, failsOver: false },
  ] as const)('with data that is $why: fails over, $failsOver', ({ why, kind, ...given }) => {
    const scenario = runningCluster();
    scenario.releases('yielded');
    const dataDirectory = kind === 'empty' ? ({ kind } as const) : ({ kind, why } as const);
    scenario.hears('pg1', { dataDirectory, postgres: { kind: 'stopped' } });
    scenario.with({ sinceChangeMs: given.sinceChangeMs });
    expect(scenario.settle()).toEqual(given.failsOver ? ['fail-over-released'] : []);
  });

  it.each([
    { downForMs: 4_999, expected: [] },
    { downForMs: 5_000, expected: ['fail-over-dead-postgres'] },
  ])('with PostgreSQL down for $downForMs ms: $expected', ({ downForMs, expected }) => {
    const scenario = runningCluster();
    scenario.hears('pg1', { postgres: { kind: 'stopped' }, downForMs });
    expect(scenario.settle()).toEqual(expected);
  });

  it('has its time from the end of a pause on, in which nobody tried to start it', () => {
    const scenario = runningCluster();
    scenario.hears('pg1', { postgres: { kind: 'stopped' }, downForMs: 60_000 });
    expect(scenario.with({ sinceResumedMs: 4_999 }).settle()).toEqual([]);
    expect(scenario.with({ sinceResumedMs: 5_000 }).settle()).toEqual(['fail-over-dead-postgres']);
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

/** pg1's PostgreSQL did not come back in its time; it has released and stands furthest. */
function restartFailed(): Scenario {
  const scenario = runningCluster();
  const stopped = { postgres: { kind: 'stopped' } } as const;
  scenario.hears('pg1', { ...stopped, downForMs: 5_000 }).settle();
  scenario.releases('yielded');
  return scenario.hears('pg1', { ...stopped, detached: detachedAt(1, 1, 100n) });
}
