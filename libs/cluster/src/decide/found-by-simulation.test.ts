/** What the whole-cluster simulator found in the decisions, one scenario each (docs/testing.md). */
import { describe, expect, it } from 'vitest';
import {
  dataOn,
  detachedAfter,
  detachedAt,
  hostLost,
  runningCluster,
  type Scenario,
} from '#libs/testing';

describe('found by simulation', () => {
  it('a holder that never was promoted does not get the timeline before as its own', () => {
    // given: pg2 was granted timeline 2, its guard died before it was promoted, and it is down
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    scenario.hears('pg2', { detached: detachedAt(1, 1, 95n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) }).settle();
    scenario.releases('guard-dead');
    // when: it is the furthest again, stopped, with WAL of timeline 1
    const stopped = { postgres: { kind: 'stopped' }, dataDirectory: dataOn(1) } as const;
    scenario.hears('pg2', { ...stopped, detached: detachedAt(2, 1, 95n) });
    scenario.hears('pg3', { detached: detachedAt(2, 1, 90n) }).settle();
    // then: pg1 may have written timeline 1 further, so nobody else ever does
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', epoch: 3, timeline: 3 });
  });

  it('a holder whose promotions nobody heard of is not taken for diverged', () => {
    // given: pg2 was promoted to timeline 2 and died before it was heard, and again before timeline 3
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    scenario.hears('pg2', { detached: detachedAt(1, 1, 95n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) }).settle();
    scenario.releases('guard-dead');
    const written = { dataDirectory: dataOn(2, [[1, 95n]]) };
    scenario.hears('pg2', { ...written, detached: detachedAt(2, 2, 120n) });
    scenario.hears('pg3', { detached: detachedAt(2, 1, 90n) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', epoch: 3, timeline: 3 });
    scenario.releases('guard-dead');
    // when: it is back with what it wrote on timeline 2
    scenario.hears('pg2', { ...written, detached: detachedAt(3, 2, 120n) });
    scenario.hears('pg3', { detached: detachedAt(3, 1, 90n) }).settle();
    // then
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', epoch: 4, timeline: 4 });
  });

  it('a standby of a promotion that nobody heard of is no less a candidate after a grant of its own', () => {
    // given: pg2 wrote timeline 2 and died before it was heard; pg3 streamed from it and is granted timeline 3
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    scenario.hears('pg2', { detached: detachedAt(1, 1, 95n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) }).settle();
    scenario.releases('guard-dead');
    const streamed = { dataDirectory: dataOn(2, [[1, 95n]]) };
    scenario.silent('pg2').later(2_000);
    scenario.hears('pg3', { ...streamed, detached: detachedAt(2, 2, 120n) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg3', epoch: 3, timeline: 3 });
    // when: its guard dies before it is promoted
    scenario.releases('guard-dead');
    scenario.hears('pg3', { ...streamed, detached: detachedAt(3, 2, 120n) });
    scenario.later(2_000).settle();
    // then
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg3', epoch: 4, timeline: 4 });
  });

  describe('an operator moves away from pg1, pg2 is not promoted in time and is lost, pg3 is far behind', () => {
    function givenNobodyElse(): Scenario {
      const scenario = runningCluster({ maximumLagOnFailoverBytes: 10n });
      scenario.command({ type: 'failover', to: null, acceptLoss: false });
      scenario.releases('yielded');
      scenario.hears('pg2', { detached: detachedAt(1, 1, 100n) });
      scenario.hears('pg3', { detached: detachedAt(1, 1, 50n) });
      scenario.later(2_000).settle();
      expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', epoch: 2 });
      scenario.later(3_000).settle();
      expect(scenario.last('FailoverStarted').excluded).toEqual(['pg1', 'pg2']);
      scenario.releases('yielded');
      scenario.silent('pg2').hears('pg3', { detached: detachedAt(2, 1, 50n) });
      return scenario;
    }

    it('pg1, which failed before, has everything and is asked once more', () => {
      const scenario = givenNobodyElse();
      scenario.hears('pg1', { guard: idle('pg1'), detached: detachedAt(2, 1, 100n) });
      scenario.later(2_000).settle();
      expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg1', epoch: 3 });
    });

    it('what stands against pg1 beside that is told', () => {
      const scenario = givenNobodyElse();
      const foreign = { ...dataOn(1), systemIdentifier: '1' };
      scenario.hears('pg1', { guard: idle('pg1'), dataDirectory: foreign });
      scenario.later(2_000).settle();
      const { refusals } = scenario.last('ActionRefused');
      const rules = refusals.filter(({ instance }) => instance === 'pg1').map(({ rule }) => rule);
      expect(rules).toEqual(['failed-before', 'foreign-data']);
    });
  });

  it('a grant of a timeline that its holder never wrote is not admitted', () => {
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    scenario.hears('pg2', { detached: detachedAt(1, 1, 95n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) }).settle();
    const granted = scenario.last('LeaseGranted');
    scenario.releases('guard-dead');
    const again = { ...granted, epoch: 3 as never, timeline: 1 as never };
    expect(() => scenario.record([again])).toThrow('timeline 1 was given out before');
  });

  it.each([false, true])(
    'a failover by an operator goes back to the old primary when nobody else may serve (noFailover: %s)',
    (noFailover) => {
      // given: every standby is further behind than the limit allows
      const scenario = runningCluster({ maximumLagOnFailoverBytes: 1n });
      const tags = { noFailover, noLoadBalance: false, failoverPriority: 0 };
      scenario.hears('pg1', { tags }).settle();
      expect(scenario.command({ type: 'failover', to: null, acceptLoss: false }).kind).toBe(
        'decided',
      );
      scenario.releases('yielded');
      // when: all are detached, the old primary too
      const down = { postgres: { kind: 'stopped' }, dataDirectory: dataOn(1) } as const;
      scenario.hears('pg1', { ...down, detached: detachedAt(1, 1, 100n), guard: idle('pg1') });
      for (const name of ['pg2', 'pg3']) scenario.hears(name, { detached: detachedAt(1, 1, 50n) });
      scenario.later(2_000).settle();
      // then: it serves on, instead of nobody
      expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg1', epoch: 2, timeline: 1 });
    },
  );

  it('with no position known the old primary is taken before an operator is waited for', () => {
    // given: nobody knows how far pg1 was, and pg3 does not take part
    const scenario = runningCluster().with({ lastKnown: null });
    const tags = { noFailover: true, noLoadBalance: false, failoverPriority: 0 };
    scenario.hears('pg3', { tags }).settle();
    scenario.command({ type: 'failover', to: null, acceptLoss: false });
    scenario.releases('yielded');
    // when
    const down = { postgres: { kind: 'stopped' }, dataDirectory: dataOn(1) } as const;
    scenario.hears('pg1', { ...down, detached: detachedAt(1, 1, 100n), guard: idle('pg1') });
    scenario
      .hears('pg2', { detached: detachedAt(1, 1, 100n) })
      .later(2_000)
      .settle();
    // then
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg1', epoch: 2 });
  });

  it('the primary of before goes on, whatever its tags, when who came after it was never promoted', () => {
    // given: pg1 (noFailover) is back and detached; pg2 was granted epoch 2, and its guard died at once
    const scenario = runningCluster().with({ lastKnown: null });
    const tags = { noFailover: true, noLoadBalance: false, failoverPriority: 0 };
    scenario.hears('pg1', { tags }).settle();
    scenario.command({ type: 'failover', to: null, acceptLoss: false });
    scenario.releases('yielded');
    for (const name of ['pg2', 'pg3']) {
      scenario.hears(name, { detached: detachedAfter(300, 1, 1, 90n) });
    }
    scenario.later(2_000).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', epoch: 2 });
    scenario.releases('guard-dead');
    // when: pg3 takes no part, so that nothing tells how far pg1 was but pg1 itself
    scenario.silent('pg3');
    const down = { postgres: { kind: 'stopped' }, dataDirectory: dataOn(1) } as const;
    scenario.hears('pg1', { ...down, tags, detached: detachedAt(2, 1, 100n), guard: idle('pg1') });
    scenario.hears('pg2', { detached: detachedAt(2, 1, 90n) });
    scenario.later(2_000).settle();
    // then
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg1', epoch: 3 });
  });
});

function idle(name: string) {
  return { incarnation: `${name}-g1` as never, epoch: null, remainingMs: null };
}
