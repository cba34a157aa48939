import type { Epoch } from '#libs/kernel';
import type { LeaseWaitTerms } from './lease-timing.ts';
import { elapsedMs, type Moment } from './moment.ts';

/** What a member has bound itself to: no detach, no promotion, nothing that ends this epoch. */
export type PromiseInForce = { readonly epoch: Epoch; readonly remainingMs: number };

/**
 * D(1+rho)/(1-rho): the holder counts D from before it asked, the member from when it answered, each by
 * its own clock. So no promise ends before the right that rests on it (safety 11).
 */
export function promiseLastsMs({
  leaseTtlMs,
  clockRateErrorRatio: rho,
}: Omit<LeaseWaitTerms, 'leaseMarginMs'>): number {
  return (leaseTtlMs * (1 + rho)) / (1 - rho);
}

/**
 * The member's half of failsafe: while the controllers are gone it promises the primary of an epoch to
 * take part in no failover from it. The promise lapses by itself; whoever keeps it sees to it that it is
 * on disk before it is given, and that a process which starts anew behaves as if it had just given it.
 */
export class MemberPromise {
  #given: { readonly epoch: Epoch; readonly at: Moment; readonly lastsMs: number } | null = null;

  /** A later epoch replaces an earlier one, which is over then; never the other way. */
  give(epoch: Epoch, lastsMs: number, now: Moment): void {
    if (this.#given !== null && this.#given.epoch > epoch) return;
    this.#given = { epoch, at: now, lastsMs };
  }

  /** Whether anything was ever promised: whoever did not needs no clock to know it. */
  get wasGiven(): boolean {
    return this.#given !== null;
  }

  inForce(now: Moment): PromiseInForce | null {
    if (this.#given === null) return null;
    const { epoch, at, lastsMs } = this.#given;
    const remainingMs = lastsMs - elapsedMs(at, now);
    return remainingMs > 0 ? { epoch, remainingMs } : null;
  }
}
