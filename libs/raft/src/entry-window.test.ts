import { describe, expect, it } from 'vitest';
import { EntryWindow, entryBytes } from './entry-window.ts';
import type { LogEntry } from './types.ts';

const entry = (index: number, bytes = 8): LogEntry => ({
  kind: 'command',
  index,
  term: 1,
  payload: new Uint8Array(bytes),
});

function windowOf(first: number, last: number): EntryWindow {
  const window = new EntryWindow(first);
  for (let index = first; index <= last; index += 1) window.push(entry(index));
  return window;
}

const indexes = (entries: readonly LogEntry[]): number[] => entries.map(({ index }) => index);

describe('the entries in memory', () => {
  it('are cut at a size, with at least one entry (known bug 37)', () => {
    const window = windowOf(5, 9);
    expect(indexes(window.sliceWithin(6, 2 * entryBytes(entry(1))))).toEqual([6, 7]);
    expect(indexes(window.sliceWithin(6, 1))).toEqual([6]);
    expect(indexes(window.sliceWithin(8, 10_000))).toEqual([8, 9]);
  });

  it('are forgotten from the front, no further than allowed', () => {
    const window = windowOf(1, 10);
    window.evict(4, 0);
    expect(window.firstIndex).toBe(5);
    window.evict(10, 3 * entryBytes(entry(1)));
    expect(window.firstIndex).toBe(8);
    expect(indexes(window.slice(8, 11))).toEqual([8, 9, 10]);
    expect(window.bytes).toBe(3 * entryBytes(entry(1)));
  });

  it('stay contiguous through truncation, also from before the window', () => {
    const window = windowOf(5, 9);
    window.truncateFrom(8);
    expect(window.endIndex).toBe(8);
    window.truncateFrom(3);
    expect([window.firstIndex, window.endIndex, window.bytes]).toEqual([3, 3, 0]);
    window.push(entry(3));
    expect(window.at(3).index).toBe(3);
  });

  it('survive the moving of many', () => {
    const window = new EntryWindow(1);
    for (let index = 1; index <= 10_000; index += 1) {
      window.push(entry(index));
      window.evict(index - 10, 0);
    }
    expect(window.firstIndex).toBe(9_991);
    expect(indexes(window.slice(9_991, 10_001))).toHaveLength(10);
  });
});
