import { describe, expect, it } from 'vitest';
import type { ClusterState } from '#libs/cluster';
import { clusterName, epochMs, monotonicMs } from '#libs/kernel';
import type { Log } from '../log.ts';
import { ClockWatch, noteClockBehind } from './clock-watch.ts';

describe('a jump of the wall clock', () => {
  it.each([
    { wallMs: 3_600_100, passedMs: 100, jumpMs: 3_600_000 },
    { wallMs: -4_900, passedMs: 100, jumpMs: -5_000 },
    { wallMs: 1_090, passedMs: 100, jumpMs: 0 },
    { wallMs: 30_000, passedMs: 30_000, jumpMs: 0 },
  ])('$wallMs ms while $passedMs ms passed: $jumpMs', ({ wallMs, passedMs, jumpMs }) => {
    let [wall, monotonic] = [1_000_000, 500];
    const watch = new ClockWatch({
      nowMs: () => epochMs(wall),
      monotonicMs: () => monotonicMs(monotonic),
      bootMs: () => monotonicMs(monotonic),
    });
    wall += wallMs;
    monotonic += passedMs;
    expect(watch.look()).toBe(jumpMs);
    expect(watch.look()).toBe(0);
  });
});

describe('the clock of a new leader', () => {
  const NOON = 1_800_000_000_000;

  /** Of clusters whose newest events are this much after noon, at which the leader begins. */
  function toldOf(lastEventsMs: Record<string, number>) {
    const warned: unknown[] = [];
    const jumps: [string, number][] = [];
    const states = Object.entries(lastEventsMs).map(
      ([name, ms]) =>
        ({ name: clusterName(name), lastEventAt: epochMs(NOON + ms) }) as ClusterState,
    );
    const log = { warn: (_: string, fields: unknown) => warned.push(fields) } as unknown as Log;
    const observations = {
      clockJumped: (names: readonly string[], jumpMs: number) =>
        void jumps.push(...names.map((name): [string, number] => [name, jumpMs])),
    };
    const told = { host: { store: { clusters: () => states } }, log };
    noteClockBehind(told, { observations }, epochMs(NOON));
    return { warned, jumps };
  }

  it('that is behind the newest event is told once, with both times, and to each cluster concerned (23)', () => {
    const { warned, jumps } = toldOf({ main: 2_000, orders: 3_600_000, past: -5_000 });
    expect(warned).toEqual([
      {
        wallAt: new Date(NOON).toISOString(),
        eventAt: new Date(NOON + 3_600_000).toISOString(),
        ...{ behindMs: 3_600_000, cluster: 'orders', clusters: 2 },
      },
    ]);
    expect(jumps).toEqual([
      ['orders', -3_600_000],
      ['main', -2_000],
    ]);
  });

  it('that is less than a second behind is as good as any', () => {
    expect(toldOf({ main: 999, orders: -86_400_000 })).toEqual({ warned: [], jumps: [] });
    expect(toldOf({})).toEqual({ warned: [], jumps: [] });
  });
});
