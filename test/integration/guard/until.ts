import { setTimeout as delay } from 'node:timers/promises';

/** Polls until there is a value; the limit is the failure. */
export async function until<T>(
  probe: () => T | null | false | Promise<T | null | false>,
  limitMs: number,
  intervalMs = 5,
): Promise<T> {
  const beganMs = performance.now();
  for (;;) {
    const value = await probe();
    if (value !== null && value !== false) return value;
    if (performance.now() - beganMs > limitMs)
      throw new Error(`not within ${limitMs} ms: ${probe}`);
    await delay(intervalMs);
  }
}
