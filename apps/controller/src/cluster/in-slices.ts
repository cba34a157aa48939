import { setImmediate as nextTurn } from 'node:timers/promises';

/** Shorter than a tick of consensus, and than a guard notices. */
const SLICE_MS_MAX = 4;

/**
 * The same of each item, some milliseconds' worth at a time: what is made for a reader of thousands of
 * clusters must not hold up the renewals and heartbeats of these very clusters.
 */
export async function* inSlices<Item, Made>(
  items: readonly Item[],
  make: (item: Item) => Made,
): AsyncGenerator<readonly Made[]> {
  let slice: Made[] = [];
  let endMs = performance.now() + SLICE_MS_MAX;
  for (const item of items) {
    slice.push(make(item));
    if (performance.now() < endMs) continue;
    yield slice;
    slice = [];
    await nextTurn();
    endMs = performance.now() + SLICE_MS_MAX;
  }
  if (slice.length > 0) yield slice;
}
