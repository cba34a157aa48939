import { describe, expect, it } from 'vitest';
import { holding, isDetached, primaryVanishes, syncCluster } from '#libs/testing';

/** The rest of data fencing is in `../sync/sync.test.ts`. */
describe('a new leader, where commits need standbys,', () => {
  it('does not wait for a primary that died with the last one (24)', () => {
    const unheard = { report: null, reportAgeMs: null, guard: null };
    const scenario = primaryVanishes(syncCluster());
    const { pg2, pg3 } = scenario.observations.instances;
    if (pg2 === undefined || pg3 === undefined) throw new Error('both standbys were heard');
    scenario.with({ instances: { pg1: unheard, pg2, pg3: unheard }, servingForMs: 850 });
    // Whether pg3 has more than pg2 is not known, and it may be about to report.
    expect(scenario.settle()).toEqual([]);
    scenario.with({ instances: { pg1: unheard, pg2, pg3 } });
    expect(scenario.settle()).toEqual(['suspect-primary']);
    isDetached(isDetached(scenario, 'pg2', 100n), 'pg3', 90n);
    expect(scenario.settle()).toEqual(['fence-by-data']);
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2' });
  });

  it('waits for the report of a primary whose guard says it is down: its agent lives', () => {
    const scenario = syncCluster();
    const guard = {
      ...holding('pg1', 1),
      postmaster: 'down',
      ageMs: 10,
      agentAbsentMs: 0,
    } as const;
    scenario.hearsGuard('pg1', guard);
    const { pg1, pg2, pg3 } = scenario.observations.instances;
    if (pg1 === undefined || pg2 === undefined || pg3 === undefined) throw new Error('all heard');
    const noReport = { ...pg1, report: null, reportAgeMs: null };
    scenario.with({ instances: { pg1: noReport, pg2, pg3 }, servingForMs: 850 });
    expect(scenario.settle()).toEqual([]);
    scenario.with({ instances: { pg1, pg2, pg3 } });
    expect(scenario.settle()).toEqual(['fail-over-down']);
  });
});
