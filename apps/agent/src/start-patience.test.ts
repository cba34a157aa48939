import { expect, it } from 'vitest';
import type { Step } from '#libs/reconcile';
import { StartPatience } from './start-patience.ts';
import { RETRY_LONGEST_MS } from './timing.ts';

const start = { kind: 'startStandby', why: 'follows pg1' } as Step;
const examine = { kind: 'examine', why: 'the end of WAL was not read yet' } as Step;

/** When each of the next `count` starts begins, of a PostgreSQL that ends at once. */
function begins(patience: StartPatience, count: number, fromMs: number): number[] {
  const times: number[] = [];
  for (let nowMs = fromMs; times.length < count; nowMs += 10) {
    // What comes between two starts changes nothing.
    patience.ended(examine, 'examine', nowMs);
    if (!patience.mayBegin(start, 'start', nowMs)) continue;
    times.push(nowMs);
    patience.ended(start, 'start', nowMs);
  }
  return times;
}

it('starts what ends at once again later each time, up to a limit, until it served', () => {
  const patience = new StartPatience();
  expect(begins(patience, 6, 0)).toEqual([0, 10, 210, 610, 1_410, 3_010]);
  const [before, after] = begins(patience, 6, 10_000).slice(-2);
  expect((after ?? 0) - (before ?? 0)).toBe(RETRY_LONGEST_MS);
  expect(patience.mayBegin({ ...start, why: 'follows pg2' }, 'another', 10_001)).toBe(true);
  patience.rested();
  expect(begins(patience, 2, 60_000)).toEqual([60_000, 60_010]);
});
