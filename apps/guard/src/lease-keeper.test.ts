import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { epoch, type MonotonicMs, monotonicMs } from '#libs/kernel';
import { GuardLog } from './guard-log.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { SystemClock } from './system-clock.ts';

const TIMES = { leaseTtlMs: 3_000, renewIntervalMs: 400, stopBudgetMs: 300, guardKillMs: 150 };
const EPOCH = epoch(1);
const CROWD_MS = 800;

/** Of a host that never sleeps, in the whole milliseconds of the test's timers. */
class AwakeClock extends SystemClock {
  override monotonicMs(): MonotonicMs {
    return monotonicMs(Math.round(performance.now()));
  }

  override bootMs(): MonotonicMs {
    return this.monotonicMs();
  }
}

function keeper() {
  const clock = new AwakeClock();
  const sent: number[] = [];
  const effects = {
    sendRenewal: (_of: number, nonce: number) => void sent.push(nonce),
    rightConfirmed: () => undefined,
    stopNow: () => undefined,
  };
  const lease = new LeaseKeeper(TIMES, { clock, log: new GuardLog(clock, {}), effects });
  lease.acquire(EPOCH);
  return { lease, sent };
}

/** Neither sooner than `inMs` nor 2 ms later (a turn follows its timer one step of the test's clock later). */
function expectNextIn(inMs: number, sent: readonly number[]): void {
  const before = sent.length;
  vi.advanceTimersByTime(inMs - 1);
  expect(sent).toHaveLength(before);
  vi.advanceTimersByTime(3);
  expect(sent).toHaveLength(before + 1);
}

describe('the timer of the next turn', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] });
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('is left where an answer moves no turn', () => {
    const { lease, sent } = keeper();
    const set = vi.spyOn(globalThis, 'setTimeout');
    vi.advanceTimersByTime(30);
    lease.renewed(EPOCH, 1, null);
    expect(set).not.toHaveBeenCalled();
    expectNextIn(370, sent);
  });

  it('goes off sooner when the next turn is due sooner', () => {
    const { lease, sent } = keeper();
    vi.advanceTimersByTime(30);
    lease.renewed(EPOCH, 1, CROWD_MS);
    vi.advanceTimersByTime(300);
    lease.renewed(EPOCH, 1, null);
    expectNextIn(70, sent);
  });
});
