import { uptime } from 'node:os';
import { performance } from 'node:perf_hooks';
import { type Clock, epochMs, monotonicMs } from '#libs/kernel';

/** The one place of the controller that reads a clock. */
export const systemClock: Clock = {
  nowMs: () => epochMs(Date.now()),
  monotonicMs: () => monotonicMs(performance.now()),
  bootMs: () => monotonicMs(uptime() * 1_000),
};
