import { uptime } from 'node:os';
import { type Clock, type EpochMs, epochMs, type MonotonicMs, monotonicMs } from '#libs/kernel';
import type { Moment } from '#libs/lease';

/** This host's clocks; the only place of the guard that reads them. */
export class SystemClock implements Clock {
  nowMs(): EpochMs {
    return epochMs(Date.now());
  }

  monotonicMs(): MonotonicMs {
    return monotonicMs(performance.now());
  }

  /** From `/proc/uptime`, in steps of 10 ms; the fuse reads the same file. */
  bootMs(): MonotonicMs {
    return monotonicMs(Math.round(uptime() * 1_000));
  }

  moment(): Moment {
    return { monotonicMs: this.monotonicMs(), bootMs: this.bootMs() };
  }
}
