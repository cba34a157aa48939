import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { decode, type GuardAnswer, unpackGuardAnswer } from '#libs/protocol';
import { LeaderAnnouncement } from './leader-announcement.ts';

const C2 = { name: 'c2', term: 4 };

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Guards that take `busyMs` each to be told. */
function guardsOf(count: number, busyMs = 0) {
  const heard: GuardAnswer[] = [];
  const guard = {
    pass: (packedAnswer: Uint8Array): void => {
      const endMs = performance.now() + busyMs;
      while (performance.now() < endMs);
      heard.push(unpackGuardAnswer(decode(packedAnswer)));
    },
  };
  const announcement = new LeaderAnnouncement(() => Array.from({ length: count }, () => guard));
  return { announcement, heard };
}

it('is told by the leader at once, to everybody, with turns for others in between', async () => {
  const { announcement, heard } = guardsOf(40, 1);
  announcement.tell(C2, true);
  await nextTurn();
  expect(heard.length).toBeGreaterThan(0);
  expect(heard.length).toBeLessThan(40);
  await vi.waitFor(() => expect(heard).toHaveLength(40));
  expect(heard[0]).toEqual({ type: 'leader', ...C2 });
});

it('is told by others a second later', async () => {
  const { announcement, heard } = guardsOf(2);
  announcement.tell(C2, false);
  vi.advanceTimersByTime(999);
  await nextTurn();
  expect(heard).toEqual([]);
  vi.advanceTimersByTime(1);
  await nextTurn();
  expect(heard).toHaveLength(2);
});

it('is told to thousands by others only when most of them have renewed with the new leader', async () => {
  const { announcement, heard } = guardsOf(1_000);
  announcement.tell(C2, false);
  vi.advanceTimersByTime(3_999);
  await nextTurn();
  expect(heard).toEqual([]);
  vi.advanceTimersByTime(1);
  await vi.waitFor(() => expect(heard).toHaveLength(1_000));
});

it('is not told while nobody leads, nor what was so before', async () => {
  const { announcement, heard } = guardsOf(2);
  announcement.tell(C2, false);
  announcement.tell({ name: null, term: 5 }, false);
  vi.advanceTimersByTime(2_000);
  await nextTurn();
  expect(heard).toEqual([]);
});

it('ends where a newer word comes while it is being told', async () => {
  const { announcement, heard } = guardsOf(40, 1);
  announcement.tell(C2, true);
  await nextTurn();
  announcement.tell({ name: null, term: 5 }, false);
  await nextTurn();
  const told = heard.length;
  await nextTurn();
  await nextTurn();
  expect(heard.length).toBe(told);
  expect(told).toBeLessThan(40);
});
