import type { EpochMs, MonotonicMs } from './units.ts';

/** Time, handed in: the simulator has its own. */
export interface Clock {
  /** For people and for event timestamps. */
  nowMs(): EpochMs;
  /** For leases and timeouts; on Linux it stands still while the host is suspended. */
  monotonicMs(): MonotonicMs;
  /** Monotonic time that includes suspend; lease holders use the larger of the two elapsed times. */
  bootMs(): MonotonicMs;
}
