import { describe, expect, it } from 'vitest';
import { named, runningCluster, type Scenario } from '#libs/testing';
import { decide } from '../decide.ts';

/** The leader heard of another start of this instance's PostgreSQL than before. */
function restarted(name: string, scenario = runningCluster()): Scenario {
  const { instances } = scenario.input.observations;
  const seen = instances[name];
  if (seen === undefined) throw new Error(`${name} is not heard`);
  return scenario.with({ instances: { ...instances, [name]: { ...seen, restarted: true } } });
}

describe('a primary that was restarted in place', () => {
  it('is told once it serves again', () => {
    const scenario = restarted('pg1');
    expect(decide(scenario.input)).toEqual({
      rule: 'record-restarted',
      events: [{ type: 'PrimaryResumed', epoch: 1, instance: 'pg1' }],
    });
    const { state } = scenario;
    scenario.record([{ type: 'PrimaryResumed', epoch: 1, instance: named('pg1') } as never]);
    expect(scenario.state).toMatchObject({ lease: state.lease, operation: state.operation });
    scenario.hears('pg1', { postgres: { kind: 'stopped' } });
    expect(decide(scenario.input)).toBeNull();
  });

  it('is told in a pause too, and is no news of a standby', () => {
    const scenario = runningCluster();
    scenario.command({ type: 'pause' });
    expect(decide(restarted('pg1', scenario).input)?.rule).toBe('record-restarted');
    expect(decide(restarted('pg2').input)).toBeNull();
  });

  it('is told by the order where one stands', () => {
    const scenario = runningCluster().hears('pg1', { postmasterStartedAt: 5 as never });
    const which = { instances: [named('pg1')], role: null, at: null };
    scenario.command({ type: 'restart', ...which, rolling: false, onlyPending: false });
    expect(scenario.settle()).toEqual(['run-restart']);
    expect(decide(restarted('pg1', scenario).input)?.rule).not.toBe('record-restarted');
  });
});
