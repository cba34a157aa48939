import { expect, it } from 'vitest';
import { epoch, guardIncarnation, monotonicMs } from '#libs/kernel';
import { CappedTime, LeaseClock } from '#libs/lease';
import { LeaseLook } from './lease-look.ts';

const TICK_MS = 100;
// W = 3,000 x 1.01 / 0.99 + 100
const WAIT_MS = 3_161;
const TERMS = { leaseTtlMs: 3_000, clockRateErrorRatio: 0.01, leaseMarginMs: 100 };

/** A leader that hears nobody: its turns are those of its ticks, and those that it asks for. */
function endsAfterMs(grantedAfterTickMs: number): number {
  const time = new CappedTime(3 * TICK_MS, monotonicMs(0));
  const leases = new LeaseClock<null>(time);
  let wakeAtMs = Number.POSITIVE_INFINITY;
  let nowMs = 0;
  let endedMs: number | null = null;
  const look = new LeaseLook<{ leases: LeaseClock<null> }>({
    ...{ time, tickMs: TICK_MS },
    look: ({ leases: held }) => {
      if (held.due().length > 0) endedMs ??= nowMs;
    },
    wakeAfterMs: (delayMs) => {
      wakeAtMs = nowMs + Math.ceil(delayMs);
    },
  });
  for (; endedMs === null; nowMs += 1) {
    if (nowMs === grantedAfterTickMs) {
      const lease = {
        cluster: 'main',
        epoch: epoch(1),
        guard: guardIncarnation('a'),
        terms: TERMS,
      };
      leases.follow('main', lease, monotonicMs(nowMs));
    }
    const ticks = nowMs % TICK_MS === 0;
    if (!ticks && nowMs < wakeAtMs) continue;
    wakeAtMs = Number.POSITIVE_INFINITY;
    look.ask();
    look.turn(monotonicMs(nowMs), { leases });
  }
  return endedMs - grantedAfterTickMs;
}

it('a lease ends when its time is over, at whatever moment between two ticks that is', () => {
  const lateMs = Array.from({ length: TICK_MS }, (_, at) => endsAfterMs(at) - WAIT_MS);
  expect(Math.min(...lateMs)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...lateMs)).toBeLessThanOrEqual(1);
});

it('a leader that lost its place looks at nothing, and what was asked waits for its next one', () => {
  const looked: number[] = [];
  const time = new CappedTime(TICK_MS, monotonicMs(0));
  const service = { leases: { dueInMs: null } };
  const look = new LeaseLook<typeof service>({
    ...{ time, tickMs: TICK_MS, wakeAfterMs: () => undefined },
    look: () => looked.push(time.passedMs),
  });
  look.turn(monotonicMs(10), service);
  look.ask();
  look.turn(monotonicMs(20), null);
  look.turn(monotonicMs(30), service);
  look.turn(monotonicMs(40), service);
  expect(looked).toEqual([30]);
});
