import { describe, expect, it } from 'vitest';
import {
  dataOn,
  detachedAfter,
  detachedAt,
  holding,
  hostLost,
  named,
  primaryOn,
  runningCluster,
  type Scenario,
  standbyAt,
} from '#libs/testing';

/** Leader and primary were lost together, and nobody told the leader of now how far that one was (safety 18). */
function lostUnheard(): Scenario {
  const scenario = hostLost(runningCluster().with({ lastKnown: null }), 'pg1');
  expect(scenario.settle()).toEqual(['expire-lease']);
  return scenario;
}

function refusedRules(scenario: Scenario): string[] {
  return scenario.last('ActionRefused').refusals.map(({ rule }) => rule);
}

describe('a failover without any known position of the primary', () => {
  it('takes the furthest of all standbys when each streamed until the loss', () => {
    const scenario = lostUnheard();
    scenario.hears('pg2', { detached: detachedAfter(3_600, 1, 1, 90n) });
    scenario.hears('pg3', { detached: detachedAfter(4_100, 1, 1, 95n) });
    expect(scenario.settle()).toEqual(['grant-to-candidate']);
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg3', epoch: 2 });
  });

  it('waits for an operator when one had lost its receiver before', () => {
    const scenario = lostUnheard();
    scenario.hears('pg2', { detached: detachedAfter(3_600, 1, 1, 90n) });
    scenario.hears('pg3', { detached: detachedAfter(60_000, 1, 1, 95n) });
    scenario.later(2_000).settle();
    expect(refusedRules(scenario)).toContain('position-unknown');
    expect(scenario.last('ActionRefused').refusals.at(-1)?.value).toContain('until the loss: pg3');
    expect(scenario.types).not.toContain('FailoverCompleted');
    // then: an operator's word is enough
    scenario.command({ type: 'failover', to: named('pg3'), acceptLoss: true });
    scenario.settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg3', epoch: 2 });
  });

  it('waits when an agent does not tell: an older one, or one that was started again since', () => {
    const scenario = lostUnheard();
    scenario.hears('pg2', { detached: detachedAfter(3_600, 1, 1, 90n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 95n) });
    scenario.later(2_000).settle();
    expect(refusedRules(scenario)).toContain('position-unknown');
    // then: once its agent tells, it goes on
    scenario.hears('pg3', { detached: detachedAfter(4_000, 1, 1, 95n) });
    expect(scenario.settle()).toEqual(['grant-to-candidate']);
  });

  it('waits when one streamed until just before, but never what the lost primary wrote', () => {
    // given: pg2 was promoted to timeline 2, pg1 follows it, and pg3 never came so far
    const scenario = lostUnheard();
    for (const name of ['pg2', 'pg3']) {
      scenario.hears(name, { detached: detachedAfter(3_600, 1, 1, 90n) });
    }
    scenario.settle();
    const data = dataOn(2, [[1, 90n]]);
    const serving = { guard: holding('pg2', 2), postgres: primaryOn(2), dataDirectory: data };
    scenario.hears('pg2', { ...serving, detached: null });
    const follows = { postgres: standbyAt(2, 90n), dataDirectory: data, detached: null };
    scenario.hears('pg1', follows).settle();
    expect(scenario.last('FailoverCompleted')).toMatchObject({ primary: 'pg2' });
    // when: pg2 is lost too
    hostLost(scenario, 'pg2').settle();
    scenario.hears('pg1', { detached: detachedAfter(3_600, 2, 2, 120n) });
    scenario.hears('pg3', { detached: detachedAfter(3_600, 2, 1, 90n) });
    scenario.later(2_000).settle();
    // then
    expect(refusedRules(scenario)).toContain('position-unknown');
    scenario.hears('pg3', { detached: detachedAfter(3_600, 2, 2, 90n) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg1', epoch: 3 });
  });

  it('goes on when the old primary is there, which knows its own end', () => {
    const scenario = lostUnheard();
    const down = { postgres: { kind: 'stopped' } } as const;
    scenario.hears('pg1', { ...down, detached: detachedAt(1, 1, 100n) });
    for (const name of ['pg2', 'pg3']) scenario.hears(name, { detached: detachedAt(1, 1, 90n) });
    scenario.later(2_000).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg1', epoch: 2 });
  });
});
