import { describe, expect, it } from 'vitest';
import {
  dataOn,
  detachedAt,
  hostLost,
  named,
  runningCluster,
  type Scenario,
  standbyAt,
} from '#libs/testing';
import { goalOf } from '../../goal-of.ts';

const pg2 = named('pg2');
const on = { type: 'maintenance', instance: pg2, on: true } as const;

function maintained(scenario: Scenario = runningCluster()): Scenario {
  expect(scenario.command(on).kind).toBe('decided');
  return scenario;
}

describe('an instance in maintenance', () => {
  it('is not promoted, however far it is', () => {
    const scenario = hostLost(maintained(), 'pg1');
    scenario.settle();
    scenario.hears('pg2', { detached: detachedAt(1, 1, 200n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 100n) }).settle();
    expect(scenario.state.lease).toMatchObject({ kind: 'Held', epoch: 2, holder: 'pg3' });
    expect(scenario.last('LeaseGranted').refusals).toContainEqual(
      expect.objectContaining({ instance: 'pg2', rule: 'in-maintenance' }),
    );
  });

  it('is no target of a switchover', () => {
    const answer = maintained().command({ type: 'switchover', to: pg2 });
    expect(answer).toMatchObject({ kind: 'refused', refusals: [{ rule: 'in-maintenance' }] });
  });

  it('keeps its goal, with the word that nothing is started or replaced', () => {
    expect(goalOf(maintained().state, pg2)).toMatchObject({
      kind: 'standby',
      still: 'pg2 is in maintenance',
    });
  });

  it('is looked after again when it is over', () => {
    const scenario = maintained();
    scenario.command({ ...on, on: false });
    expect(scenario.state.maintenance).toBeUndefined();
    expect(goalOf(scenario.state, pg2)).not.toHaveProperty('still');
  });

  it('is not waited for until the cluster counts as whole', () => {
    const scenario = maintained();
    hostLost(scenario, 'pg1').settle();
    scenario.hears('pg3', { detached: detachedAt(1, 1, 100n) }).settle();
    expect(scenario.state.lease).toMatchObject({ holder: 'pg3' });
  });
});

describe('maintenance is refused', () => {
  it('of the primary: a switchover comes first', () => {
    const answer = runningCluster().command({ ...on, instance: named('pg1') });
    expect(answer).toMatchObject({ kind: 'refused', refusals: [{ rule: 'is-primary' }] });
  });

  it('of who is no member', () => {
    const answer = runningCluster().command({ ...on, instance: named('pg9') });
    expect(answer).toMatchObject({ kind: 'refused', refusals: [{ rule: 'not-a-member' }] });
  });

  it('twice there is nothing to do', () => {
    expect(maintained().command(on)).toMatchObject({ kind: 'satisfied' });
  });
});

describe('in a pause', () => {
  function paused(): Scenario {
    const scenario = runningCluster();
    scenario.command({ type: 'pause' });
    return scenario;
  }

  it('a lost primary is noted and nobody takes over, until it is resumed', () => {
    const scenario = hostLost(paused(), 'pg1');
    expect(scenario.settle()).toEqual(['expire-lease']);
    expect(scenario.state).toMatchObject({
      lease: { kind: 'Expired' },
      operation: { kind: 'none' },
    });
    scenario.command({ type: 'resume' });
    expect(scenario.later(6_000).settle()).toContain('fail-over-released');
  });

  it('a primary that was stopped stays down', () => {
    expect(goalOf(paused().state, named('pg1'))).toMatchObject({
      kind: 'primary',
      still: 'the cluster is paused',
    });
  });

  it('an operator’s failover goes on to its end', () => {
    const scenario = paused();
    scenario.command({ type: 'failover', to: pg2, acceptLoss: false });
    hostLost(scenario, 'pg1').settle();
    scenario.hears('pg2', { detached: detachedAt(1, 1, 100n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 100n) }).settle();
    expect(scenario.state.lease).toMatchObject({ kind: 'Held', epoch: 2, holder: 'pg2' });
  });

  it('a switchover needs a target by name', () => {
    const scenario = paused();
    expect(scenario.command({ type: 'switchover', to: null })).toMatchObject({
      kind: 'refused',
      refusals: [{ rule: 'paused' }],
    });
    expect(scenario.command({ type: 'switchover', to: pg2 }).kind).toBe('decided');
  });

  it('an instance that joins is recorded all the same', () => {
    const scenario = paused();
    scenario.hears('pg4', { dataDirectory: dataOn(1), postgres: standbyAt(1, 100n) }).settle();
    expect(scenario.state.members['pg4']).toBeDefined();
  });
});
