import { expect, it } from 'vitest';
import { LastPosition } from './last-position.ts';

const here = { timeline: 1, lsn: 77n };

it.each([
  { ageMs: 0, said: here },
  { ageMs: 1_000, said: here },
  { ageMs: 1_001, said: null },
])('a position of $ageMs ms ago', ({ ageMs, said }) => {
  const position = new LastPosition();
  expect(position.fresh(500)).toBeNull();
  position.told(here, 500);
  expect(position.fresh(500 + ageMs)).toEqual(said);
});
