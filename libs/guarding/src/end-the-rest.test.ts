import { expect, it } from 'vitest';
import { endTheRest } from './end-the-rest.ts';

const KILL_MS = 150;

type Look = { readonly wroteItsEnd: boolean; readonly works: boolean };

/** A PostgreSQL that is being stopped, as each look finds it; the last one stays so. */
function stopping(looks: readonly Look[]) {
  const ended: number[] = [];
  let at = 0;
  const now = (): Look =>
    looks[Math.min(at, looks.length - 1)] ?? { wroteItsEnd: false, works: true };
  const postmaster = {
    state: 'stopping' as 'stopping' | 'down',
    worksToTheEnd: () => now().works,
    stopImmediate: (graceMs: number) => void ended.push(graceMs),
  };
  const files = { wroteItsEnd: async () => now().wroteItsEnd };
  const pause = async () => {
    at += 1;
    if (at > 20) postmaster.state = 'down';
  };
  return { parts: { files, postmaster, pause }, ended, looked: () => at };
}

const WRITES = { wroteItsEnd: false, works: true };
const SENDS = { wroteItsEnd: true, works: true };
const ENDS = { wroteItsEnd: true, works: false };

it('ends what is left once everything was written and sent', async () => {
  const { parts, ended, looked } = stopping([WRITES, SENDS, SENDS, ENDS]);
  await endTheRest(parts, KILL_MS, () => true);
  expect(ended).toEqual([KILL_MS]);
  expect(looked()).toBe(3);
});

it.each([
  ['while a walsender sends the last record', SENDS],
  ['while the last record is not written, whatever is left', { wroteItsEnd: false, works: false }],
])('ends nothing %s', async (_when, look) => {
  const { parts, ended } = stopping([look]);
  await endTheRest(parts, KILL_MS, () => true);
  expect(ended).toEqual([]);
});

it('leaves the deadline of a stop that came meanwhile as it is', async () => {
  const { parts, ended } = stopping([SENDS, ENDS]);
  let wanted = true;
  const files = {
    wroteItsEnd: async () => {
      wanted = false;
      return true;
    },
  };
  parts.postmaster.worksToTheEnd = () => false;
  await endTheRest({ ...parts, files }, KILL_MS, () => wanted);
  expect(ended).toEqual([]);
});
