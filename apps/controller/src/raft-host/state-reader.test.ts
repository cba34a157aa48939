import { expect, it } from 'vitest';
import { monotonicMs } from '#libs/kernel';
import { StateOverlay } from './state-overlay.ts';
import { StateReader } from './state-reader.ts';

const key = (sequence: number): string => `history/main/${String(sequence).padStart(16, '0')}`;
const value = (sequence: number): Uint8Array => Uint8Array.of(sequence);

/** A disk that holds these sequences, in order. */
function disk(sequences: readonly number[]): StateReader['storage'] {
  return {
    get: () => Promise.resolve(null),
    scan: async function* (range) {
      if (!('gte' in range)) return;
      const { gte, lt, limit } = range;
      const found = sequences.filter((at) => key(at) >= gte && key(at) < lt);
      for (const at of found.slice(0, limit)) yield { key: key(at), value: value(at) };
    },
  };
}

async function pages(reader: StateReader, from: number, limit: number): Promise<number[][]> {
  const found: number[][] = [];
  for (let next = from; ; next = (found.at(-1)?.at(-1) ?? 0) + 1) {
    const records = await reader.page('history/main/', key(next), limit);
    if (records.length === 0) return found;
    found.push(records.map((record) => record.value[0] ?? 0));
  }
}

it('leaves out nothing between what was dropped just now and what was added', async () => {
  const overlay = new StateOverlay();
  const nowMs = monotonicMs(0);
  overlay.add([{ type: 'put', key: key(10), value: value(10) }], nowMs);
  overlay.add(
    [1, 2, 3].map((dropped) => ({ type: 'del', key: key(dropped) })),
    nowMs,
  );
  const reader = new StateReader(disk([1, 2, 3, 4, 5, 6, 7, 8, 9]), overlay);
  expect(await pages(reader, 1, 4)).toEqual([
    [4, 5, 6, 7],
    [8, 9, 10],
  ]);
});

it('gives what is newer here in place of what is stored, in order', async () => {
  const overlay = new StateOverlay();
  overlay.add([{ type: 'put', key: key(2), value: value(22) }], monotonicMs(0));
  const reader = new StateReader(disk([1, 3]), overlay);
  const records = await reader.page('history/main/', key(1), 10);
  expect(records.map((record) => record.value[0])).toEqual([1, 22, 3]);
});
