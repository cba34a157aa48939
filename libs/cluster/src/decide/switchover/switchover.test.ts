import { describe, expect, it } from 'vitest';
import { dataOn, holding, named, primaryOn, runningCluster, standbyAt, walAt } from '#libs/testing';
import { goalOf } from '../../goal-of.ts';

describe('switchover', () => {
  it('stops the primary, waits for its last byte on the target, grants, completes', () => {
    const scenario = runningCluster();
    scenario.command({ type: 'switchover', to: named('pg3') });
    expect(goalOf(scenario.state, named('pg1'))).toMatchObject({ kind: 'handOver', to: 'pg3' });
    scenario.releases('hand-over', walAt(1, 150n));
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
    scenario.releases('hand-over', walAt(1, 150n));
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
    scenario.releases('hand-over', walAt(1, 150n));
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
    scenario.releases('hand-over', walAt(1, 150n));
    scenario.hears('pg3', { postgres: standbyAt(1, 150n) }).settle();
    scenario.releases('guard-dead');
    scenario.settle();
    expect(scenario.types.slice(-2)).toEqual(['SwitchoverAbandoned', 'FailoverStarted']);
  });
});
