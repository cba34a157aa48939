import { describe, expect, it } from 'vitest';
import { epoch, guardIncarnation } from '#libs/kernel';
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
} from '#libs/testing';
import { whyNoPromise } from '../../failsafe/why-no-promise.ts';

const promise = { epoch: epoch(1), remainingMs: 2_000 };

/** pg1 is primary; its guard knows of all members. */
function failsafeCluster(): Scenario {
  return runningCluster({ failsafe: true });
}

function settled(scenario: Scenario): Scenario {
  scenario.settle();
  return scenario;
}

function guardConfirms(scenario: Scenario, version: number): void {
  scenario.hearsGuard('pg1', {
    incarnation: guardIncarnation('pg1-g1'),
    epoch: epoch(1),
    postmaster: 'running',
    ageMs: 10,
    agentAbsentMs: 0,
    failsafeVersion: version,
  });
}

describe('failsafe: whom the holder may rest on (safety 11)', () => {
  it('given it is off, nobody is named', () => {
    expect(runningCluster().state.failsafe).toBeUndefined();
  });

  it('given a grant, when failsafe is on, then every member of that moment is relied on', () => {
    expect(failsafeCluster().state.failsafe).toMatchObject({
      epoch: 1,
      on: true,
      members: ['pg1', 'pg2', 'pg3'],
    });
  });

  it('given a member that joins, then it is relied on only once the guard has said that it knows', () => {
    const scenario = failsafeCluster();
    scenario.hears('pg4', { dataDirectory: dataOn(1), postgres: standbyAt(1, 100n) }).settle();
    expect(scenario.state.failsafe?.members).toEqual(['pg1', 'pg2', 'pg3']);
    guardConfirms(scenario, (scenario.state.failsafe?.version ?? 0) - 1);
    expect(scenario.settle()).toEqual([]);
    guardConfirms(scenario, scenario.state.failsafe?.version ?? 0);
    expect(scenario.settle()).toEqual(['confirm-failsafe-members']);
    expect(scenario.state.failsafe?.members).toEqual(['pg1', 'pg2', 'pg3', 'pg4']);
  });

  it('given a member that is removed and joins again, then it counts as new', () => {
    const scenario = failsafeCluster();
    scenario.record([{ type: 'InstanceRemoved', instance: named('pg3') }]);
    expect(scenario.state.failsafe?.members).toEqual(['pg1', 'pg2']);
    scenario.hears('pg3').settle();
    expect(scenario.state.failsafe?.members).toEqual(['pg1', 'pg2']);
  });
});

describe('failsafe: what a promise means to the leader', () => {
  it('given a lease that is due, when a member has promised, then it is not declared expired', () => {
    const scenario = hostLost(failsafeCluster(), 'pg1').hears('pg2', { promise });
    expect(scenario.settle()).toEqual([]);
    expect(scenario.state.lease.kind).toBe('Held');
    scenario.hears('pg2', { promise: null });
    expect(scenario.settle()).toContain('expire-lease');
  });

  it('given promises to an earlier primary, then they say nothing of this one', () => {
    const scenario = hostLost(failsafeCluster(), 'pg1');
    scenario.hears('pg2', { promise: { epoch: epoch(7), remainingMs: 2_000 } });
    expect(scenario.settle()).toContain('expire-lease');
  });

  it('given an operator who moves away, then nobody promises anew and the lease ends', () => {
    const scenario = failsafeCluster();
    scenario.command({ type: 'failover', to: named('pg2'), acceptLoss: false });
    const { state } = scenario;
    expect(whyNoPromise(state, named('pg2'), { holder: 'pg1', epoch: 1 }, 0)).toContain('failover');
    hostLost(scenario, 'pg1').hears('pg2', { promise });
    expect(scenario.settle()).toContain('expire-lease');
  });
});

describe('failsafe: the primary is lost while no controller answers', () => {
  it('given promises that have lapsed, when controllers are back, then a member takes over', () => {
    const scenario = failsafeCluster();
    // A new leader: members' promises still stand, the primary is not heard.
    for (const name of ['pg2', 'pg3']) scenario.hears(name, { promise });
    hostLost(scenario, 'pg1');
    expect(scenario.settle()).toEqual([]);
    for (const name of ['pg2', 'pg3']) scenario.hears(name, { promise: null });
    expect(scenario.settle()).toEqual(['expire-lease']);
    scenario.hears('pg2', { detached: detachedAt(1, 1, 100n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 2, holder: 'pg2' });
  });
});

describe('failsafe: who may take over beside promises that nobody asked for', () => {
  function withLatecomer(): Scenario {
    const scenario = failsafeCluster();
    scenario.hears('pg4', { dataDirectory: dataOn(1), postgres: standbyAt(1, 100n) }).settle();
    hostLost(scenario, 'pg1').settle();
    return scenario;
  }

  it('given only a member that joined since, then the failover waits and says why', () => {
    const scenario = withLatecomer().silent('pg2').silent('pg3').later(5_000);
    scenario.hears('pg4', { detached: detachedAt(1, 1, 100n) }).settle();
    expect(scenario.state.lease).toMatchObject({ kind: 'Expired', epoch: 1 });
    const { refusals } = scenario.last('ActionRefused');
    expect(refusals).toContainEqual(
      expect.objectContaining({ instance: 'pg4', rule: 'failsafe-unconfirmed' }),
    );
  });

  it('given one that would have been asked and is detached, then the latecomer may take over', () => {
    const scenario = withLatecomer().silent('pg3').later(5_000);
    scenario.hears('pg2', { detached: detachedAt(1, 1, 50n) });
    scenario.hears('pg4', { detached: detachedAt(1, 1, 100n) }).settle();
    expect(scenario.state.lease).toMatchObject({ kind: 'Held', epoch: 2, holder: 'pg4' });
  });

  it('given failsafe is off, then anybody may', () => {
    const scenario = runningCluster();
    scenario.hears('pg4', { dataDirectory: dataOn(1), postgres: standbyAt(1, 100n) }).settle();
    hostLost(scenario, 'pg1').silent('pg2').silent('pg3').settle();
    scenario
      .later(5_000)
      .hears('pg4', { detached: detachedAt(1, 1, 100n) })
      .settle();
    expect(scenario.state.lease).toMatchObject({ kind: 'Held', epoch: 2, holder: 'pg4' });
  });
});

describe('failsafe: what a member answers', () => {
  const asked = { holder: 'pg1', epoch: 1 };
  const pg2 = named('pg2');

  it('given the holder asks for its own epoch, then it promises', () => {
    expect(whyNoPromise(failsafeCluster().state, pg2, asked, 0)).toBeNull();
  });

  it.each([
    ['it is detached through that epoch', asked, 1, 'detached'],
    ['somebody else asks', { holder: 'pg3', epoch: 1 }, 0, 'is held by pg1'],
    ['an epoch is named that it does not know', { holder: 'pg1', epoch: 2 }, 0, 'not 2'],
    ['it asks itself', { holder: 'pg2', epoch: 1 }, 0, 'itself'],
  ])('given %s, then it refuses', (_when, ask, detachedThroughEpoch, why) => {
    const { state } = failsafeCluster();
    expect(whyNoPromise(state, pg2, ask, detachedThroughEpoch)).toContain(why);
  });

  it('given failsafe is off, or nothing is known of the cluster, then it refuses', () => {
    expect(whyNoPromise(runningCluster().state, pg2, asked, 0)).toContain('off');
    expect(whyNoPromise(null, pg2, asked, 0)).toContain('not known');
  });

  it('given the lease has ended, then it refuses', () => {
    const { state } = settled(hostLost(failsafeCluster(), 'pg1'));
    expect(whyNoPromise(state, pg2, asked, 0)).toContain('is over');
  });
});

it('given the primary is heard again before anybody promised, nothing of this shows', () => {
  const scenario = failsafeCluster();
  scenario.hears('pg1', { guard: holding('pg1', 1), postgres: primaryOn(1) });
  expect(scenario.settle()).toEqual([]);
});
