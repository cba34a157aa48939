import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { epochMs, monotonicMs } from '#libs/kernel';
import { TickClock } from './tick-clock.ts';

const TICK_MS = 100;
const ELECTION_MS = 500;

/** A host that takes what is due in a turn of its own, as the real one does; a follower unless told otherwise. */
function host(raft = { idleTicks: 4 }, started = true) {
  const clock = {
    nowMs: () => epochMs(Date.now()),
    monotonicMs: () => monotonicMs(performance.now()),
    bootMs: () => monotonicMs(performance.now()),
  };
  const taken: number[] = [];
  const stalls: number[] = [];
  const log = { warn: () => undefined } as unknown as ConstructorParameters<
    typeof TickClock
  >[0]['log'];
  const options = { clock, log, tickMs: TICK_MS, electionTimeoutMs: ELECTION_MS, raft };
  let wakeUps = 0;
  const ticks: TickClock = new TickClock(
    options,
    () => {
      wakeUps += 1;
      taken.push(ticks.take());
    },
    (lateMs, stalled) => {
      if (stalled) stalls.push(Math.round(lateMs));
    },
  );
  if (started) ticks.start();
  return { ticks, taken, stalls, raft, wakeUps: () => wakeUps };
}

const total = (taken: readonly number[]): number => taken.reduce((sum, each) => sum + each, 0);

describe('ticks of a controller', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }));
  afterEach(() => void vi.useRealTimers());

  it('do not count before the start: a message that comes early finds no stall', async () => {
    const { ticks, stalls, taken } = host({ idleTicks: 0 }, false);
    await vi.advanceTimersByTimeAsync(1_500);
    expect([ticks.take(), stalls]).toEqual([0, []]);
    ticks.start();
    await vi.advanceTimersByTimeAsync(300);
    expect([taken, stalls]).toEqual([[1, 1, 1], []]);
    ticks.stop();
  });

  it('given a leader, come one by one', async () => {
    const { ticks, taken } = host({ idleTicks: 0 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(taken).toEqual(Array.from({ length: 10 }, () => 1));
    ticks.stop();
  });

  it('given a follower that hears nothing, are all counted, and one by one once the next could matter', async () => {
    const { ticks, taken, raft } = host();
    await vi.advanceTimersByTimeAsync(500);
    expect(taken).toEqual([5]);
    raft.idleTicks = 0;
    ticks.replan();
    await vi.advanceTimersByTimeAsync(300);
    expect(taken).toEqual([5, 1, 1, 1]);
    ticks.stop();
  });

  it('given a follower that is woken by heartbeats, are counted with them and begin no turn of their own', async () => {
    const { ticks, wakeUps } = host();
    const taken: number[] = [];
    await vi.advanceTimersByTimeAsync(50);
    for (let beat = 0; beat < 20; beat += 1) {
      taken.push(ticks.take());
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(total(taken)).toBe(19);
    expect(wakeUps()).toBe(0);
    ticks.stop();
  });

  it('given the process stood still, wait until sockets were read, and count no more than was planned', async () => {
    const { ticks, taken, stalls } = host();
    vi.setSystemTime(3_000);
    vi.spyOn(performance, 'now').mockReturnValue(3_000);
    expect(ticks.take()).toBe(0);
    expect(stalls).toEqual([2_500]);
    expect(ticks.take()).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(total(taken)).toBe(5);
    vi.restoreAllMocks();
    ticks.stop();
  });
});
