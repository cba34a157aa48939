import { setFlagsFromString } from 'node:v8';
import type { Log } from './log.ts';

/** From so many clusters on their state and links, some 20 KiB each, are most of the heap. */
export const MANY_CLUSTERS = 1_000;
const ROOMY_GROWTH_PERCENT = 250;
const LOOK_INTERVAL_MS = 5_000;

/**
 * How much the old heap may grow between two full collections. The 60 % that a controller starts with keep a small one
 * small, and stop one of thousands of clusters for 0.3 s every 20 s; its guards' answers wait for that (docs/adr/0011).
 * V8 reads the flag at the end of each full collection: no restart is needed, and one with fewer clusters takes it back.
 * @returns ends it
 */
export function giveHeapRoom(
  clusters: () => number,
  log: Log,
  setFlags: (flags: string) => void = setFlagsFromString,
): () => void {
  const looking = setInterval(() => {
    const many = clusters();
    if (many < MANY_CLUSTERS) return;
    clearInterval(looking);
    setFlags(`--heap-growing-percent=${ROOMY_GROWTH_PERCENT}`);
    log.info('the heap may grow further between collections', { clusters: many });
  }, LOOK_INTERVAL_MS);
  looking.unref();
  return () => clearInterval(looking);
}
