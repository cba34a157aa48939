import { describe, expect, it } from 'vitest';
import { epochMs, monotonicMs } from '#libs/kernel';
import { ClockWatch } from './clock-watch.ts';

describe('a jump of the wall clock', () => {
  it.each([
    { wallMs: 3_600_100, passedMs: 100, jumpMs: 3_600_000 },
    { wallMs: -4_900, passedMs: 100, jumpMs: -5_000 },
    { wallMs: 1_090, passedMs: 100, jumpMs: 0 },
    { wallMs: 30_000, passedMs: 30_000, jumpMs: 0 },
  ])('$wallMs ms while $passedMs ms passed: $jumpMs', ({ wallMs, passedMs, jumpMs }) => {
    let [wall, monotonic] = [1_000_000, 500];
    const watch = new ClockWatch({
      nowMs: () => epochMs(wall),
      monotonicMs: () => monotonicMs(monotonic),
      bootMs: () => monotonicMs(monotonic),
    });
    wall += wallMs;
    monotonic += passedMs;
    expect(watch.look()).toBe(jumpMs);
    expect(watch.look()).toBe(0);
  });
});
