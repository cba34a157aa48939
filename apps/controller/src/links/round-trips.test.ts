import { expect, it } from 'vitest';
import { monotonicMs } from '#libs/kernel';
import type { Message } from '#libs/raft';
import { RoundTrips } from './round-trips.ts';

const beat = (to: number, round: number, term = 4): Message => ({
  ...{ type: 'heartbeat', from: 1, to, term, round, commitIndex: 9 },
});
const answer = (from: number, round: number, term = 4): Message => ({
  ...{ type: 'heartbeatResponse', from, to: 1, term, round, writeStallMs: 0 },
});

it('measures each round once, a lost heartbeat with the one that is answered', () => {
  const trips = new RoundTrips();
  const at = (ms: number) => monotonicMs(ms);
  trips.sent(beat(2, 7), at(1_000));
  trips.sent(beat(3, 7), at(1_000));
  trips.received(answer(2, 7), at(1_004));
  expect([trips.tookMs(2), trips.tookMs(3)]).toEqual([4, null]);
  // The same round again, with each beat: its answers do not tell for how long.
  trips.sent(beat(2, 7), at(1_100));
  trips.sent(beat(3, 7), at(1_100));
  trips.received(answer(2, 7), at(1_190));
  trips.received(answer(3, 7), at(1_103));
  expect([trips.tookMs(2), trips.tookMs(3)]).toEqual([4, 103]);
});

it('begins anew with a term, whose rounds begin at one', () => {
  const trips = new RoundTrips();
  trips.sent(beat(2, 900), monotonicMs(10));
  trips.received(answer(2, 900), monotonicMs(13));
  trips.sent(beat(2, 1, 5), monotonicMs(2_000));
  expect(trips.tookMs(2)).toBeNull();
  trips.received(answer(2, 900), monotonicMs(2_001));
  trips.received(answer(2, 1, 5), monotonicMs(2_006));
  expect(trips.tookMs(2)).toBe(6);
});
