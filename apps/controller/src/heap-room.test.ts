import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { giveHeapRoom, MANY_CLUSTERS } from './heap-room.ts';

const LOOK_MS = 5_000;
const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('is given once, to a controller that has come to serve many clusters', () => {
  const flags: string[] = [];
  let clusters = MANY_CLUSTERS - 1;
  giveHeapRoom(
    () => clusters,
    log,
    (text) => flags.push(text),
  );
  vi.advanceTimersByTime(3 * LOOK_MS);
  expect(flags).toEqual([]);
  clusters += 1;
  vi.advanceTimersByTime(3 * LOOK_MS);
  expect(flags).toEqual(['--heap-growing-percent=250']);
});

it('looks no more once it is ended', () => {
  const looks = vi.fn(() => 0);
  giveHeapRoom(looks, log)();
  vi.advanceTimersByTime(LOOK_MS);
  expect(looks).not.toHaveBeenCalled();
});
