import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epoch, monotonicMs } from '#libs/kernel';
import {
  FAILSAFE_MUTATIONS,
  type FailsafeMutation,
  FailsafeWorld,
} from './failsafe-world.fixture.ts';
import { LeaseHolder } from './holder.ts';
import { MemberPromise, promiseLastsMs } from './member-promise.ts';

const RUNS = 300;
const LIMIT_MS = 90_000;
const TERMS = { leaseTtlMs: 3_000, clockRateErrorRatio: 0.01 };
const at = (ms: number) => ({ monotonicMs: monotonicMs(ms), bootMs: monotonicMs(ms) });

const choices = (mutation: FailsafeMutation) =>
  fc.record({
    seed: fc.integer({ min: 1, max: 2 ** 31 }),
    dropChance: fc.double({ min: 0, max: 0.3, noNaN: true }),
    delayMaxMs: fc.integer({ min: 1, max: 800 }),
    restartEveryMs: fc.integer({ min: 0, max: 10_000 }),
    orderWithinMs: fc.integer({ min: 0, max: 15_000 }),
    mutation: fc.constant(mutation),
  });

describe('while nobody but the members keeps a primary (safety 11)', { timeout: LIMIT_MS }, () => {
  it('no other takes over as long as any right of it is left', () => {
    const sum = { promises: 0, grants: 0, prolonged: 0 };
    fc.assert(
      fc.property(choices('none'), (choice) => {
        const result = new FailsafeWorld(choice).run();
        sum.promises += result.promises;
        sum.grants += result.grants;
        if (result.prolongedMs > 0) sum.prolonged += 1;
        expect(result.overlaps).toEqual([]);
      }),
      { numRuns: RUNS },
    );
    // The property says nothing where no promise is given, or nobody ever takes over.
    expect(sum.promises).toBeGreaterThan(RUNS * 5);
    expect(sum.grants).toBeGreaterThan(RUNS * 0.9);
    expect(sum.prolonged).toBeGreaterThan(RUNS / 5);
  });

  it.each(FAILSAFE_MUTATIONS.filter((mutation) => mutation !== 'none'))(
    'and one does when broken: %s',
    (mutation) => {
      const samples = fc.sample(choices(mutation), { numRuns: 2_000, seed: 1 });
      const overlapping = samples.find(
        (choice) => new FailsafeWorld(choice).run().overlaps.length > 0,
      );
      expect(overlapping).toBeDefined();
    },
  );

  it('with members that answer at once the primary goes on for as long as nobody orders otherwise', () => {
    const calm = { dropChance: 0, delayMaxMs: 5, restartEveryMs: 0, orderWithinMs: 30_000 };
    const results = [1, 2, 3, 4, 5].map((seed) =>
      new FailsafeWorld({ seed, ...calm, mutation: 'none' }).run(),
    );
    expect(Math.max(...results.map(({ prolongedMs }) => prolongedMs))).toBeGreaterThan(9_000);
  });
});

describe('a promise', () => {
  it('lasts longer than the right that rests on it, and lapses by itself', () => {
    const promise = new MemberPromise();
    expect(promiseLastsMs(TERMS)).toBeCloseTo(3_060.6, 1);
    promise.give(epoch(7), promiseLastsMs(TERMS), at(100));
    expect(promise.inForce(at(3_160))).toMatchObject({ epoch: 7 });
    expect(promise.inForce(at(3_161))).toBeNull();
  });

  it('is not given back for an earlier epoch', () => {
    const promise = new MemberPromise();
    promise.give(epoch(7), 3_000, at(0));
    promise.give(epoch(6), 3_000, at(2_000));
    expect(promise.inForce(at(3_001))).toBeNull();
  });
});

describe('promises of all members', () => {
  const timing = { leaseTtlMs: 3_000, renewIntervalMs: 400, stopBudgetMs: 300, guardKillMs: 150 };

  function holding() {
    const said: string[] = [];
    const holder = new LeaseHolder(timing, {
      sendRenewal: (_of, nonce, _to, endangered) =>
        void said.push(`${nonce}${endangered ? ' endangered' : ''}`),
      rightConfirmed: () => undefined,
      stopNow: (reason) => void said.push(`stop: ${reason}`),
    });
    holder.acquire(epoch(7), at(0));
    holder.renewed(epoch(7), 1, at(1));
    said.length = 0;
    return { holder, said };
  }

  it('are wanted once more than half of the right has gone by', () => {
    const { holder, said } = holding();
    for (let now = 400; now <= 2_000; now += 400) holder.tick(at(now));
    expect(said).toEqual(['2', '3', '4', '5 endangered', '6 endangered']);
  });

  it('prolong it from before they were asked for', () => {
    const { holder } = holding();
    for (let now = 400; now <= 1_600; now += 400) holder.tick(at(now));
    holder.promised(epoch(7), 5, at(2_100));
    expect(holder.remainingMs(at(2_100))).toBe(2_500);
  });

  it('bring back none that was over, nor one that was never confirmed', () => {
    const { holder, said } = holding();
    for (let now = 400; now <= 2_800; now += 400) holder.tick(at(now));
    expect(said).toContain('stop: deadline');
    holder.promised(epoch(7), 7, at(2_810));
    expect(holder.mayServe(epoch(7), at(2_810))).toBe(false);
    holder.acquire(epoch(8), at(2_900));
    holder.promised(epoch(8), 9, at(2_910));
    expect(holder.mayServe(epoch(8), at(2_910))).toBe(false);
  });
});
