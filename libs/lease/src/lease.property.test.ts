import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LeaseWorld, MUTATIONS, type Mutation, type WorldResult } from './lease-world.fixture.ts';

const RUNS = 200;
/** Beside everything else that runs on a busy machine. */
const LIMIT_MS = 90_000;

const choices = (mutation: Mutation) =>
  fc.record({
    seed: fc.integer({ min: 1, max: 2 ** 31 }),
    dropChance: fc.double({ min: 0, max: 0.4, noNaN: true }),
    delayMaxMs: fc.integer({ min: 1, max: 1_500 }),
    pauseChance: fc.double({ min: 0, max: 0.1, noNaN: true }),
    pauseMaxMs: fc.integer({ min: 1, max: 4_000 }),
    cutMaxMs: fc.integer({ min: 0, max: 12_000 }),
    strayChance: fc.double({ min: 0, max: 0.6, noNaN: true }),
    restartEveryMs: fc.integer({ min: 0, max: 20_000 }),
    crowdChance: fc.constantFrom(0, 0.3, 1),
    mutation: fc.constant(mutation),
  });

describe('no right outlasts the expiry of its lease', { timeout: LIMIT_MS }, () => {
  it('with any delays, losses, repeats, pauses, leader changes, restarts of the guard, and clocks within rho', () => {
    const sum = { renewals: 0, expiries: 0, releases: 0, leaders: 0 };
    fc.assert(
      fc.property(choices('none'), (choice) => {
        const result = new LeaseWorld(choice).run();
        sum.renewals += result.renewals;
        sum.expiries += result.expiries;
        sum.releases += result.releases;
        sum.leaders += result.leaders;
        expect(result.overlaps).toEqual([]);
      }),
      { numRuns: RUNS },
    );
    // The property says nothing in a world where nothing happens.
    expect(sum.renewals).toBeGreaterThan(RUNS * 50);
    expect(sum.expiries).toBeGreaterThan(RUNS / 2);
    expect(sum.releases).toBeGreaterThan(RUNS);
    expect(sum.leaders).toBeGreaterThan(RUNS * 3);
  });

  it.each(MUTATIONS.filter((mutation) => mutation !== 'none'))(
    'and fails when broken: %s',
    (mutation) => {
      const samples = fc.sample(choices(mutation), { numRuns: 1_000, seed: 1 });
      const overlapping = samples.find(
        (choice) => new LeaseWorld(choice).run().overlaps.length > 0,
      );
      expect(overlapping).toBeDefined();
    },
  );

  it('a healthy network renews without a single expiry', () => {
    const results: WorldResult[] = [];
    for (let seed = 1; seed <= 20; seed += 1) {
      const calm = {
        dropChance: 0,
        delayMaxMs: 5,
        pauseChance: 0,
        pauseMaxMs: 1,
        cutMaxMs: 0,
        strayChance: 0,
        restartEveryMs: 0,
        crowdChance: seed % 2,
      };
      results.push(new LeaseWorld({ seed, ...calm, mutation: 'none' }).run());
    }
    expect(results.map((result) => result.expiries)).toEqual(results.map(() => 0));
  });
});
