import { describe, expect, it } from 'vitest';
import {
  dataOn,
  holding,
  named,
  primaryOn,
  runningCluster,
  type Scenario,
  standbyAt,
  walAt,
} from '#libs/testing';
import { goalOf } from '../../goal-of.ts';
import { decide } from '../decide.ts';

const pg2 = named('pg2');
const order = { type: 'rebuild', instance: pg2, method: null, from: null, force: false } as const;

/** pg2 was to be built anew and streams all the same: from before, or from a copy not yet proved. */
function ordered(): Scenario {
  const scenario = runningCluster();
  scenario.command(order);
  return scenario;
}

function switchOver(scenario: Scenario, from: string, to: string, timeline: number): Scenario {
  const end = BigInt(timeline * 100);
  scenario.command({ type: 'switchover', to: named(to) });
  scenario.releases('hand-over', walAt(timeline - 1, end));
  const guard = { ...holding(from, timeline - 1), epoch: null, remainingMs: null };
  const stopped = { postgres: { kind: 'stopped' }, guard } as const;
  scenario
    .hears(from, stopped)
    .hears(to, { postgres: standbyAt(timeline - 1, end) })
    .settle();
  return scenario.hears(to, {
    guard: holding(to, timeline),
    postgres: primaryOn(timeline, end),
    dataDirectory: dataOn(timeline, [[timeline - 1, end]]),
  });
}

describe('the order to build an instance anew', () => {
  it('ends when that instance serves as primary: as a standby later it is left alone', () => {
    const scenario = switchOver(ordered(), 'pg1', 'pg2', 2);
    expect(scenario.state.rebuilds?.['pg2']).toBeDefined();
    scenario.settle();
    expect(scenario.last('RebuildWithdrawn')).toEqual({
      type: 'RebuildWithdrawn',
      instance: 'pg2',
      reason: 'it serves as primary on timeline 2',
    });
    expect(scenario.settle()).toEqual([]);
    scenario.hears('pg1', { postgres: standbyAt(2, 200n), dataDirectory: dataOn(2, [[1, 200n]]) });
    switchOver(scenario.later(10_000), 'pg2', 'pg1', 3).settle();
    expect(scenario.last('SwitchoverCompleted')).toMatchObject({ primary: 'pg1' });
    expect(goalOf(scenario.state, pg2)).toMatchObject({ kind: 'standby', rebuild: null });
  });

  it('also ends when it was cancelled: a rewind later is nothing that anybody broke off', () => {
    const scenario = ordered();
    scenario.command({ type: 'cancelRebuild', instance: pg2 });
    switchOver(scenario, 'pg1', 'pg2', 2).settle();
    expect(scenario.state.rebuilds?.['pg2']).toBeUndefined();
  });

  it('stands while another serves, and until it serves', () => {
    const scenario = ordered();
    expect(scenario.settle()).toEqual([]);
    switchOver(scenario, 'pg1', 'pg2', 2).hears('pg2', { postgres: standbyAt(1, 200n) });
    expect(scenario.state.lease).toMatchObject({ holder: 'pg2', serving: false });
    scenario.settle();
    expect(scenario.types).not.toContain('RebuildWithdrawn');
  });

  it('is withdrawn by controllers only that all know what that is', () => {
    const scenario = switchOver(ordered(), 'pg1', 'pg2', 2);
    while (scenario.state.operation.kind !== 'none') {
      const decision = decide({ ...scenario.input, protocol: 8 });
      if (decision === null) throw new Error('the switchover does not end');
      scenario.record(decision.events);
    }
    expect(decide({ ...scenario.input, protocol: 8 })?.rule).not.toBe('withdraw-rebuild');
    expect(decide(scenario.input)?.rule).toBe('withdraw-rebuild');
  });
});
