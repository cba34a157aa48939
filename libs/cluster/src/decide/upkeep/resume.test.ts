import { describe, expect, it } from 'vitest';
import { lsnOf, timelineId } from '#libs/kernel';
import { dataOn, runningCluster, type Scenario } from '#libs/testing';
import { evolve } from '../../evolve.ts';
import { decide, decideCommand } from '../decide.ts';

const FLOOR = 1_700_000_000_000;

/** A running cluster whose controllers were restored: paused, and nobody confirmed it yet. */
function restored(): Scenario {
  const scenario = runningCluster();
  scenario.state = evolve(scenario.state, {
    cluster: scenario.state.name,
    sequence: FLOOR,
    version: FLOOR,
    at: scenario.state.lastEventAt,
    cause: { by: 'restore', rule: 'new-incarnation' },
    event: { type: 'ClusterPaused', restoration: { incarnation: 'b', floor: FLOOR } },
  });
  return scenario;
}

/** The lease of the older life ends by the leader's own wait, paused or not. */
function expired(): Scenario {
  const scenario = restored();
  const { observations } = scenario;
  scenario.observations = { ...observations, lease: { silentMs: 4_000, expiryDue: true } };
  const [event] = decide(scenario.input)?.events ?? [];
  if (event === undefined) throw new Error('the lease did not expire');
  scenario.state = evolve(scenario.state, {
    cluster: scenario.state.name,
    sequence: FLOOR + 1,
    version: FLOOR + 1,
    at: scenario.state.lastEventAt,
    cause: { by: 'controller', rule: 'expire-lease' },
    event,
  });
  return scenario;
}

describe('resume after a restoration', () => {
  it('is refused while a lease of the older life is held', () => {
    expect(decideCommand(restored().input, { type: 'resume' })).toMatchObject({
      kind: 'refused',
      refusals: [{ rule: 'lease-not-over' }],
    });
  });

  it('is refused while nobody is heard', () => {
    const scenario = expired();
    scenario.observations = { ...scenario.observations, instances: {} };
    expect(decideCommand(scenario.input, { type: 'resume' })).toMatchObject({
      kind: 'refused',
      refusals: [{ rule: 'not-heard' }],
    });
  });

  it('takes timelines over that only the agents know', () => {
    const scenario = expired();
    const fork = { timeline: timelineId(1), forkLsn: lsnOf(0x500n) };
    const dataDirectory = { ...dataOn(3), ancestors: [fork] };
    scenario.hears('pg1').hears('pg2', { dataDirectory }).hears('pg3');
    const decision = decideCommand(scenario.input, { type: 'resume' });
    expect(decision).toMatchObject({
      kind: 'decided',
      decision: {
        events: [
          {
            type: 'ClusterResumed',
            adopted: {
              timelines: [{ timeline: 3, fork: { from: 1, lsn: 0x500n } }],
              highestTimeline: 3,
            },
          },
        ],
      },
    });
    if (decision.kind !== 'decided') return;
    const [event] = decision.decision.events;
    if (event === undefined) return;
    const state = evolve(scenario.state, {
      cluster: scenario.state.name,
      sequence: FLOOR + 2,
      version: FLOOR + 2,
      at: scenario.state.lastEventAt,
      cause: { by: 'operator', rule: 'operator-confirm' },
      event,
    });
    expect(state).toMatchObject({
      paused: false,
      highestTimeline: 3,
      restored: { incarnation: 'b', confirmed: true },
    });
    expect(state.history.at(-1)?.timeline).toBe(3);
    // Guards that held later epochs than the restored state knows of take the next one all the same.
    expect(state.lease).toMatchObject({ kind: 'Expired', epoch: FLOOR / 1_000 });
  });

  it('is refused when two instances disagree about a timeline', () => {
    const scenario = expired();
    const forkAt = (lsn: bigint) => ({
      dataDirectory: {
        ...dataOn(2),
        ancestors: [{ timeline: timelineId(1), forkLsn: lsnOf(lsn) }],
      },
    });
    scenario.hears('pg1').hears('pg2', forkAt(0x500n)).hears('pg3', forkAt(0x600n));
    expect(decideCommand(scenario.input, { type: 'resume' })).toMatchObject({
      kind: 'refused',
      refusals: [{ instance: 'pg3', rule: 'timeline-diverged' }],
    });
  });

  it('decides nothing but the end of the lease before it', () => {
    expect(decide(expired().input)).toBeNull();
  });
});
