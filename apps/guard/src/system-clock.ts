import { type Clock, type EpochMs, epochMs, type MonotonicMs, monotonicMs } from '#libs/kernel';
import type { Moment } from '#libs/lease';
import { BootClock } from './boot-clock.ts';

/** This host's clocks; the only place of the guard that reads them. */
export class SystemClock implements Clock {
  readonly #boot = new BootClock();

  nowMs(): EpochMs {
    return epochMs(Date.now());
  }

  monotonicMs(): MonotonicMs {
    return monotonicMs(performance.now());
  }

  bootMs(): MonotonicMs {
    return this.#boot.ms();
  }

  moment(): Moment {
    return { monotonicMs: this.monotonicMs(), bootMs: this.bootMs() };
  }
}
