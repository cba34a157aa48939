/** Standbys that went on with a candidate into its timeline, before anybody recorded it. */
import { describe, expect, it } from 'vitest';
import {
  dataOn,
  detachedAt,
  holding,
  hostLost,
  named,
  primaryOn,
  runningCluster,
  type Scenario,
  standbyAt,
  walAt,
} from '#libs/testing';
import { goalOf } from '../../goal-of.ts';

const onSecond = dataOn(2, [[1, 95n]]);

/** pg1 is lost, pg2 was granted epoch 2 on timeline 2. */
function granted(scenario = runningCluster()): Scenario {
  hostLost(scenario, 'pg1').settle();
  scenario.hears('pg2', { detached: detachedAt(1, 1, 95n) });
  scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) }).settle();
  expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', timeline: 2 });
  return scenario;
}

/** pg2 is promoted and dies before the leader has heard of it; pg3 had followed it. */
function candidateLost(scenario: Scenario): Scenario {
  hostLost(scenario, 'pg2').settle();
  const followed = { dataDirectory: onSecond, postgres: standbyAt(2, 120n, false) };
  return scenario.hears('pg3', { ...followed, detached: detachedAt(2, 2, 120n) });
}

describe('a failover', () => {
  it('lets the others stream from the candidate before it is promoted', () => {
    const scenario = granted();
    expect(goalOf(scenario.state, named('pg3'))).toMatchObject({
      ...{ kind: 'standby', upstream: { name: 'pg2' }, epoch: 2, mayBeAhead: true },
    });
    expect(goalOf(scenario.state, named('pg1'))).toMatchObject({ kind: 'detached' });
  });

  it('keeps whoever failed before away from the next candidate', () => {
    const scenario = granted();
    scenario.later(3_000).hears('pg2').settle();
    expect(scenario.last('FailoverStarted')).toMatchObject({ excluded: ['pg2'] });
    expect(goalOf(scenario.state, named('pg3'))).toMatchObject({ kind: 'standby' });
    hostLost(scenario, 'pg2').settle();
    scenario
      .hears('pg3', { detached: detachedAt(2, 1, 90n) })
      .later(1_500)
      .settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg3', epoch: 3 });
    expect(goalOf(scenario.state, named('pg2'))).toMatchObject({
      ...{ kind: 'detached', passedOver: true },
    });
    expect(goalOf(scenario.state, named('pg1'))).not.toHaveProperty('passedOver');
  });

  it('goes on with who followed a candidate that died right after its promotion', () => {
    const scenario = candidateLost(granted()).later(1_500);
    scenario.settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg3', epoch: 3, timeline: 3 });
    const line = dataOn(3, [
      [1, 95n],
      [2, 120n],
    ]);
    const serving = { guard: holding('pg3', 3), postgres: primaryOn(3), dataDirectory: line };
    scenario.hears('pg3', serving).settle();
    expect(scenario.state.history.map(({ timeline }) => timeline)).toEqual([1, 2, 3]);
  });

  it('prefers who followed to who has more of the timeline before', () => {
    const scenario = candidateLost(granted());
    scenario.hears('pg1', { ...back(), detached: detachedAt(2, 1, 119n) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg3', epoch: 3 });
  });

  it('counts who followed as somebody who could take over', () => {
    const scenario = granted().hears('pg3', { dataDirectory: onSecond });
    expect(scenario.later(3_000).hears('pg2').settle()).toEqual(['withdraw-promotion']);
  });
});

describe('a switchover', () => {
  it('goes on as a failover to who followed a target that died right after its promotion', () => {
    const scenario = runningCluster();
    scenario.command({ type: 'switchover', to: named('pg2') });
    scenario.releases('hand-over', walAt(1, 100n)).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', reason: 'switchover' });
    scenario.silent('pg1');
    hostLost(scenario, 'pg2').settle();
    expect(scenario.last('FailoverStarted')).toMatchObject({ primary: 'pg2' });
    const followed = { dataDirectory: dataOn(2, [[1, 100n]]), postgres: standbyAt(2, 120n, false) };
    scenario
      .hears('pg3', { ...followed, detached: detachedAt(2, 2, 120n) })
      .later(1_500)
      .settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg3', epoch: 3, timeline: 3 });
  });
});

describe('the id of a timeline', () => {
  it('is above one that somebody took by hand', () => {
    const scenario = runningCluster().hears('pg3', { dataDirectory: dataOn(4, [[1, 80n]]) });
    hostLost(scenario, 'pg1').settle();
    scenario.hears('pg2', { detached: detachedAt(1, 1, 95n) });
    scenario.hears('pg3', { detached: detachedAt(1, 4, 200n) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', timeline: 5 });
  });
});

function back() {
  return { postgres: { kind: 'stopped' }, dataDirectory: dataOn(1) } as const;
}
