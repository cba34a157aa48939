import { expect, it } from 'vitest';
import { relaunchAfterMs } from './guard-keeper.ts';

it('starts a guard that ended at its start again soon, and ever less often', () => {
  const afterMs = [1, 2, 3, 4, 5, 6, 60].map(relaunchAfterMs);
  expect(afterMs).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
});
