import { expect, it } from 'vitest';
import { hurriedLookMs } from './pace.ts';

it.each([
  ['at once', 0, 20],
  ['a moment ago', 400, 20],
  ['two seconds ago', 2_000, 100],
  ['an hour ago', 3_600_000, 400],
])('how soon a start that began %s is looked at again', (_when, startingForMs, expected) => {
  expect(hurriedLookMs(20, startingForMs, 400)).toBe(expected);
});

it('a recovery of ten seconds is asked a hundred times, not four hundred', () => {
  let looks = 0;
  for (let ms = 0; ms < 10_000; ms += hurriedLookMs(20, ms, 400)) looks += 1;
  expect(looks).toBeLessThan(110);
});
