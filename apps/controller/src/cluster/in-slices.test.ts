import { expect, it } from 'vitest';
import { inSlices } from './in-slices.ts';

const ITEMS = Array.from({ length: 40 }, (_, at) => at);

function busyFor(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

it('makes all of them in order, and lets others have their turn in between', async () => {
  let turns = 0;
  let ended = false;
  const count = (): void => {
    turns += 1;
    if (!ended) setImmediate(count);
  };
  setImmediate(count);
  const made: number[] = [];
  const work = (item: number): number => {
    busyFor(1);
    return item;
  };
  for await (const slice of inSlices(ITEMS, work)) made.push(...slice);
  ended = true;
  expect(made).toEqual(ITEMS);
  // 40 ms of work in slices of 4.
  expect(turns).toBeGreaterThanOrEqual(5);
});

it('makes nothing of nothing', async () => {
  const slices: unknown[] = [];
  for await (const slice of inSlices([], () => 1)) slices.push(slice);
  expect(slices).toEqual([]);
});
