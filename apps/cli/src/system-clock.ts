import { performance } from 'node:perf_hooks';
import { type EpochMs, epochMs, type MonotonicMs, monotonicMs } from '#libs/kernel';

/** The one place of the CLI that reads a clock. */
export function nowMs(): EpochMs {
  return epochMs(Math.round(performance.timeOrigin + performance.now()));
}

export function elapsedClockMs(): MonotonicMs {
  return monotonicMs(performance.now());
}
