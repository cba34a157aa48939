import { describe, expect, it } from 'vitest';
import { NOTHING_OBSERVED } from '#libs/cluster';
import { keepsUp, syncCluster } from '#libs/testing';

describe('whom commits wait for', () => {
  it('a standby that lagged comes back once it was near for five seconds', () => {
    const scenario = syncCluster();
    const seen = (flushed: Readonly<Record<string, bigint>>, laggedAgeMs: number): string[] => {
      const { instances } = scenario.observations;
      const pg3 = instances['pg3'] ?? NOTHING_OBSERVED;
      scenario.with({ instances: { ...instances, pg3: { ...pg3, laggedAgeMs } } });
      keepsUp(scenario, flushed);
      return scenario.state.sync?.ordered.names.map((name) => name.split('/')[1] ?? '') ?? [];
    };
    // One that is in the set and is only more than half way to the limit stays there.
    expect(seen({ pg2: 100n, pg3: 100n }, 0)).toEqual(['pg2', 'pg3']);
    scenario.silent('pg3');
    expect(seen({ pg2: 100n }, 0)).toEqual(['pg2']);
    scenario.hears('pg3');
    expect(seen({ pg2: 100n, pg3: 100n }, 4_900)).toEqual(['pg2']);
    expect(seen({ pg2: 100n, pg3: 100n }, 5_000)).toEqual(['pg2', 'pg3']);
    // With nobody else it is better than none.
    scenario.silent('pg3');
    expect(seen({ pg2: 100n }, 0)).toEqual(['pg2']);
    scenario.hears('pg3').silent('pg2');
    expect(seen({ pg3: 100n }, 0)).toEqual(['pg3']);
  });
});
