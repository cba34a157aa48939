import { setTimeout as delay } from 'node:timers/promises';

/** A limit is there against waiting for ever; what a moment of a busy machine takes is no failure. */
const SHORTEST_LIMIT_MS = 20_000;
const LOOK_INTERVAL_MS = 5;

/** Polls until there is a value. Its limit is `limitMs`, or 20 s if that is longer; to assert a time, measure it. */
export async function until<T>(
  probe: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  limitMs: number,
  intervalMs = LOOK_INTERVAL_MS,
): Promise<T> {
  const limit = Math.max(limitMs, SHORTEST_LIMIT_MS);
  const beganMs = performance.now();
  for (;;) {
    const value = await probe();
    if (value !== null && value !== undefined && value !== false) return value;
    if (performance.now() - beganMs > limit) throw new Error(`not within ${limit} ms: ${probe}`);
    await delay(intervalMs);
  }
}
