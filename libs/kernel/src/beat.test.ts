import { expect, it } from 'vitest';
import { untilNextBeat } from './beat.ts';

it('leads all who share a period to the same moment, whenever they ask', () => {
  for (const nowMs of [3_000, 3_001.5, 3_400, 3_994]) {
    expect(Math.floor(nowMs + untilNextBeat(nowMs, 1_000))).toBe(4_000);
  }
});

it('given a timer that fired a little early, keeps no beat twice', () => {
  expect(untilNextBeat(3_999.4, 1_000)).toBe(1_001);
});

it('given a period that is shorter than that, still waits less than two', () => {
  expect(untilNextBeat(3_999.4, 2)).toBeLessThanOrEqual(4);
});
