import { describe, expect, it } from 'vitest';
import type { Prng } from '#libs/kernel';
import {
  DEFAULT_LINK_TIMING,
  type LinkNeed,
  livenessTimingOf,
  reconnectDelayMs,
} from './link-timing.ts';

/** Draws the longest wait each time. */
const LATEST = { unit: () => 1 } as Prng;
const ATTEMPTS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 20];

describe('the wait before another attempt', () => {
  it('begins short and doubles up to its limit', () => {
    const waits = ATTEMPTS.map((n) => reconnectDelayMs(DEFAULT_LINK_TIMING, n, LATEST, 'missed'));
    expect(waits).toEqual([25, 50, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]);
  });

  it('is longer from the first one on where the link is not missed', () => {
    const waits = ATTEMPTS.map((n) => reconnectDelayMs(DEFAULT_LINK_TIMING, n, LATEST, 'calm'));
    expect(waits).toEqual([
      1_500, 3_000, 6_000, 12_000, 15_000, 15_000, 15_000, 15_000, 15_000, 15_000,
    ]);
  });

  it('spreads those of a crowd evenly over four minutes, whichever attempt it is', () => {
    const earliest = { unit: () => 0 } as Prng;
    const first = [earliest, LATEST].map((prng) =>
      reconnectDelayMs(DEFAULT_LINK_TIMING, 0, prng, 'crowd'),
    );
    expect(first).toEqual([60_000, 300_000]);
    expect(reconnectDelayMs(DEFAULT_LINK_TIMING, 5, LATEST, 'crowd')).toBe(300_000);
  });

  it('becomes four times as long for one of a crowd that lost its links or its right with the others', () => {
    const waits = (need: LinkNeed) =>
      [1, 5, 20].map((n) => reconnectDelayMs(DEFAULT_LINK_TIMING, n, LATEST, need));
    expect(waits('missed-in-crowd')).toEqual([50, 800, 8_000]);
    expect(waits('calm-in-crowd')).toEqual([3_000, 48_000, 60_000]);
  });

  it('is at least half of that, so that thousands do not come at once', () => {
    const earliest = { unit: () => 0 } as Prng;
    expect(reconnectDelayMs(DEFAULT_LINK_TIMING, 3, earliest, 'missed')).toBe(100);
  });
});

describe('how soon a silent peer is given up', () => {
  it('is the same at all channels but that of guards, whose links are looked at half as often', () => {
    expect(livenessTimingOf(DEFAULT_LINK_TIMING, 'agent')).toEqual({
      pingAfterMs: 1_000,
      peerSilenceMs: 3_000,
    });
    expect(livenessTimingOf(DEFAULT_LINK_TIMING, 'guard')).toEqual({
      pingAfterMs: 2_000,
      peerSilenceMs: 6_000,
    });
  });
});
