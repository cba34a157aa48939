import { describe, expect, it } from 'vitest';
import { seededPrng } from '#libs/kernel';
import { drawRound } from './draw.ts';
import { strikeText } from './strike.ts';

function rounds(seed: number, count: number) {
  const prng = seededPrng(seed);
  return Array.from({ length: count }, () => drawRound(prng));
}

describe('the drawing of strikes', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(rounds(7, 50)).toEqual(rounds(7, 50));
    expect(rounds(7, 50)).not.toEqual(rounds(8, 50));
  });

  it('reaches every kind, every part of an instance, and controllers up to all of them', () => {
    const strikes = rounds(1, 2_000).flat();
    expect([...new Set(strikes.map(({ kind }) => kind))].toSorted()).toEqual([
      ...['clock-step', 'cut', 'disk-full', 'kill', 'kill-controllers', 'one-way', 'partition'],
      ...['power-off', 'stop', 'stop-controllers', 'switchover'],
    ]);
    const texts = new Set(strikes.map(strikeText));
    expect(texts).toContain('stop agent+guard of primary');
    expect(texts).toContain('kill-controllers leader follower');
    expect(texts).toContain('stop-controllers leader follower other-follower');
    expect(texts).toContain('power-off primary leader');
    const groups = strikes.flatMap((strike) => (strike.kind === 'partition' ? strike.group : []));
    expect(new Set(groups).size).toBe(6);
  });

  it('overlaps strikes, so that some hit during a failover', () => {
    const [more, one] = [rounds(2, 500).filter((r) => r.length > 1), rounds(2, 500)];
    expect(more.length / one.length).toBeGreaterThan(0.4);
  });
});
