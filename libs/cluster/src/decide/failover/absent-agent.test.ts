import { describe, expect, it } from 'vitest';
import type { GuardObservation } from '#libs/cluster';
import { detachedAt, holding, primaryOn, runningCluster, type Scenario } from '#libs/testing';

type Heard = Partial<Omit<GuardObservation, 'epoch'>>;

/** pg1's agent is gone, its guard renews. */
function withoutAgent(heard: Heard, scenario = runningCluster()): Scenario {
  const { lease } = scenario.state;
  if (lease.kind === 'NeverGranted') throw new Error('a lease is held');
  scenario.silent('pg1', 30_000).hearsGuard('pg1', {
    ...{ incarnation: lease.guard, epoch: lease.epoch, postmaster: 'running', ageMs: 100 },
    ...{ agentAbsentMs: 30_000, ...heard },
  });
  return scenario;
}

function refusedBy(scenario: Scenario): string[] {
  return scenario.last('ActionRefused').refusals.map(({ rule }) => rule);
}

describe('a primary without an agent (21)', () => {
  it('is handed back after agentAbsenceMs when a standby can take over, and that one is promoted', () => {
    const scenario = withoutAgent({});
    expect(scenario.settle()).toEqual(['accept-hand-back']);
    expect(scenario.last('FailoverStarted')).toMatchObject({ trigger: 'agent-absent' });
    expect(scenario.state.operation).toMatchObject({ kind: 'failover', step: 'yielding' });
    scenario.releases('yielded');
    scenario.hears('pg2', { detached: detachedAt(1, 1, 100n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 100n) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', epoch: 2 });
  });

  it('given a guard that cannot end PostgreSQL and renews no more, its lease ends and another is promoted', () => {
    const scenario = withoutAgent({});
    scenario.settle();
    scenario.with({ lease: { silentMs: 3_200, expiryDue: true } });
    scenario.hears('pg2', { detached: detachedAt(1, 1, 100n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 100n) });
    expect(scenario.settle()).toEqual(['expire-lease', 'grant-to-candidate']);
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', epoch: 2 });
  });

  it.each<{ given: string; heard: Heard }>([
    { given: 'its agent is gone for less', heard: { agentAbsentMs: 29_999 } },
    { given: 'the guard was not heard lately', heard: { ageMs: 900 } },
    { given: 'another start of the guard speaks', heard: { incarnation: 'other' as never } },
    {
      given: 'PostgreSQL is down for less than a restart takes',
      heard: { postmaster: 'down', agentAbsentMs: 4_999 },
    },
  ])('goes on while $given', ({ heard }) => {
    expect(withoutAgent(heard).settle()).toEqual([]);
  });

  it('goes on while its agent speaks to the leader, whatever the guard says', () => {
    const scenario = withoutAgent({});
    const serving = { guard: holding('pg1', 1), postgres: primaryOn(1) };
    expect(scenario.hears('pg1', serving).settle()).toEqual([]);
  });

  it('goes on, with an alarm, when nobody could take over', () => {
    const scenario = withoutAgent({}).silent('pg2').silent('pg3');
    expect(scenario.settle()).toEqual(['refuse-hand-back']);
    expect(refusedBy(scenario)).toEqual(['nobody-to-take-over']);
    expect(scenario.state.operation.kind).toBe('none');
  });

  it('goes on, with an alarm, while agents of other clusters are missing too', () => {
    const scenario = withoutAgent({}).with({ agentsAbsentElsewhere: 'orders' });
    expect(scenario.settle()).toEqual(['refuse-hand-back']);
    expect(refusedBy(scenario)).toEqual(['agents-absent-elsewhere']);
    expect(scenario.with({ agentsAbsentElsewhere: null }).settle()).toEqual(['accept-hand-back']);
  });

  it('goes on, with an alarm, when the agent of a standby elsewhere vanished in the same window', () => {
    const gone = (apartMs: number) => ({ agentsVanishedElsewhere: { cluster: 'orders', apartMs } });
    const scenario = withoutAgent({}).with(gone(30_000));
    expect(scenario.settle()).toEqual(['refuse-hand-back']);
    expect(refusedBy(scenario)).toEqual(['agents-absent-elsewhere']);
    // A host that died at another time says nothing of this one.
    expect(scenario.with(gone(30_001)).settle()).toEqual(['accept-hand-back']);
  });

  it('is not kept for ever when PostgreSQL is down too, whoever else is missing', () => {
    const scenario = withoutAgent({ postmaster: 'down', agentAbsentMs: 5_000 });
    const agentsVanishedElsewhere = { cluster: 'orders', apartMs: 0 };
    scenario.with({ agentsAbsentElsewhere: 'orders', agentsVanishedElsewhere });
    expect(scenario.settle()).toEqual(['accept-hand-back']);
  });

  it('goes on when its agent comes back before the guard has stopped it', () => {
    const scenario = withoutAgent({});
    scenario.settle();
    scenario.hears('pg1', { guard: holding('pg1', 1), postgres: primaryOn(1) });
    expect(scenario.settle()).toEqual(['abandon-failover']);
    expect(scenario.state.operation.kind).toBe('none');
  });

  it('is left alone in pause', () => {
    const scenario = withoutAgent({});
    scenario.command({ type: 'pause' });
    expect(scenario.settle()).toEqual([]);
  });
});
