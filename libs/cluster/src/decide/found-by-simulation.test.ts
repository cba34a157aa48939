/** What the whole-cluster simulator found in the decisions, one scenario each (docs/testing.md). */
import { describe, expect, it } from 'vitest';
import { dataOn, detachedAt, hostLost, runningCluster, type Scenario } from '#libs/testing';

function release(scenario: Scenario, epoch: number, holder: string, reason: string): void {
  const guard = `${holder}-g1` as never;
  scenario.record([
    {
      ...{ type: 'LeaseReleased', epoch: epoch as never, guard },
      ...{ reason: reason as never, position: null },
    },
  ]);
}

describe('found by simulation', () => {
  it('a holder that never was promoted does not get the timeline before as its own', () => {
    // given: pg2 was granted timeline 2, its guard died before it was promoted, and it is down
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    scenario.hears('pg2', { detached: detachedAt(1, 1, 95n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) }).settle();
    release(scenario, 2, 'pg2', 'guard-dead');
    // when: it is the furthest again, stopped, with WAL of timeline 1
    const stopped = { postgres: { kind: 'stopped' }, dataDirectory: dataOn(1) } as const;
    scenario.hears('pg2', { ...stopped, detached: detachedAt(2, 1, 95n) });
    scenario.hears('pg3', { detached: detachedAt(2, 1, 90n) }).settle();
    // then: pg1 may have written timeline 1 further, so nobody else ever does
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', epoch: 3, timeline: 3 });
  });

  it('a grant of a timeline that its holder never wrote is not admitted', () => {
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    scenario.hears('pg2', { detached: detachedAt(1, 1, 95n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) }).settle();
    const granted = scenario.last('LeaseGranted');
    release(scenario, 2, 'pg2', 'guard-dead');
    const again = { ...granted, epoch: 3 as never, timeline: 1 as never };
    expect(() => scenario.record([again])).toThrow('timeline 1 was given out before');
  });

  it('a failover by an operator goes back to the old primary when nobody else may serve', () => {
    // given: every standby is further behind than the limit allows
    const scenario = runningCluster({ maximumLagOnFailoverBytes: 1n });
    expect(scenario.command({ type: 'failover', to: null, acceptLoss: false }).kind).toBe(
      'decided',
    );
    release(scenario, 1, 'pg1', 'yielded');
    // when: all are detached, the old primary too
    const down = { postgres: { kind: 'stopped' }, dataDirectory: dataOn(1) } as const;
    scenario.hears('pg1', { ...down, detached: detachedAt(1, 1, 100n), guard: idle('pg1') });
    for (const name of ['pg2', 'pg3']) scenario.hears(name, { detached: detachedAt(1, 1, 50n) });
    scenario.later(2_000).settle();
    // then: it serves on, instead of nobody
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg1', epoch: 2, timeline: 1 });
  });

  it('with no position known the old primary is taken before an operator is waited for', () => {
    // given: nobody knows how far pg1 was, and pg3 does not take part
    const scenario = runningCluster().with({ lastKnown: null });
    const tags = { noFailover: true, noLoadBalance: false, failoverPriority: 0 };
    scenario.hears('pg3', { tags }).settle();
    scenario.command({ type: 'failover', to: null, acceptLoss: false });
    release(scenario, 1, 'pg1', 'yielded');
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
});

function idle(name: string) {
  return { incarnation: `${name}-g1` as never, epoch: null, remainingMs: null };
}
