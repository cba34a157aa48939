import { setTimeout as delay } from 'node:timers/promises';

/** Polls until there is a value; the limit is the failure. */
export async function until<T>(
  probe: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  limitMs: number,
  intervalMs = 10,
): Promise<T> {
  const beganMs = performance.now();
  for (;;) {
    const value = await probe();
    if (value !== null && value !== undefined && value !== false) return value;
    if (performance.now() - beganMs > limitMs) {
      throw new Error(`not within ${limitMs} ms: ${probe}`);
    }
    await delay(intervalMs);
  }
}
