import type { MonotonicMs } from '#libs/kernel';

/** One instant by both clocks of a host. */
export type Moment = {
  readonly monotonicMs: MonotonicMs;
  /** Also runs while the host is suspended. */
  readonly bootMs: MonotonicMs;
};

/** The larger of both elapsed times: a host that slept must not believe that no time went by. */
export function elapsedMs(from: Moment, to: Moment): number {
  return Math.max(to.monotonicMs - from.monotonicMs, to.bootMs - from.bootMs);
}
