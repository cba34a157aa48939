/**
 * Before a lease is declared expired the leader doubts itself: one bad link to the leader must not stop
 * a healthy primary (safety 20). It asks the other controllers whether they heard the guard within W;
 * if one did, leadership is handed over to it, and that is committed as `BrakeUsed`. For that lease the
 * brake is not used again within 10 x W: the next leader goes on.
 */
import type { Epoch, MonotonicMs } from '#libs/kernel';
import type { ExpiryDue } from './lease-clock.ts';

export type BrakeVerdict =
  /** Send the question to every other controller. */
  | { readonly kind: 'ask'; readonly inquiry: number }
  | { readonly kind: 'wait' }
  | { readonly kind: 'hand-over'; readonly to: string }
  | { readonly kind: 'expire' };

export type JudgedExpiry = { readonly due: ExpiryDue; readonly verdict: BrakeVerdict };

type Inquiry = {
  readonly inquiry: number;
  readonly epoch: Epoch;
  readonly askedAt: MonotonicMs;
  readonly silent: Set<string>;
  heardBy: string | null;
};

const REST_IN_WAITS = 10;

export class Brake {
  readonly #answerLimitMs: number;
  readonly #used = new Map<string, { readonly epoch: Epoch; readonly at: MonotonicMs }>();
  readonly #inquiries = new Map<string, Inquiry>();
  #lastInquiry = 0;

  constructor(answerLimitMs: number) {
    this.#answerLimitMs = answerLimitMs;
  }

  /** `BrakeUsed` was applied; on every controller, so that the next leader knows. */
  used(cluster: string, epoch: Epoch, now: MonotonicMs): void {
    this.#used.set(cluster, { epoch, at: now });
    this.#inquiries.delete(cluster);
  }

  /**
   * What to do about each lease that is due, asked in every turn with all of them: an inquiry about a
   * lease that is not due any more is dropped.
   *
   * @param others the other voters that could lead
   */
  judge(due: readonly ExpiryDue[], others: readonly string[], now: MonotonicMs): JudgedExpiry[] {
    for (const cluster of this.#inquiries.keys()) {
      if (!due.some((lease) => lease.cluster === cluster)) this.#inquiries.delete(cluster);
    }
    return due.map((lease) => ({ due: lease, verdict: this.#judgeOne(lease, others, now) }));
  }

  answered(inquiry: number, from: string, heard: boolean): void {
    for (const known of this.#inquiries.values()) {
      if (known.inquiry !== inquiry) continue;
      if (heard) known.heardBy ??= from;
      else known.silent.add(from);
    }
  }

  #judgeOne(due: ExpiryDue, others: readonly string[], now: MonotonicMs): BrakeVerdict {
    if (others.length === 0 || this.#rests(due, now)) return { kind: 'expire' };
    const known = this.#inquiries.get(due.cluster);
    if (known === undefined || known.epoch !== due.epoch) return this.#begin(due, now);
    if (known.heardBy !== null) return { kind: 'hand-over', to: known.heardBy };
    const allSilent = others.every((other) => known.silent.has(other));
    // A controller that does not answer could not be handed leadership either.
    if (allSilent || now - known.askedAt >= this.#answerLimitMs) return { kind: 'expire' };
    return { kind: 'wait' };
  }

  #begin(due: ExpiryDue, now: MonotonicMs): BrakeVerdict {
    this.#lastInquiry += 1;
    const inquiry = this.#lastInquiry;
    const { cluster, epoch } = due;
    this.#inquiries.set(cluster, {
      inquiry,
      epoch,
      askedAt: now,
      silent: new Set(),
      heardBy: null,
    });
    return { kind: 'ask', inquiry };
  }

  #rests(due: ExpiryDue, now: MonotonicMs): boolean {
    const used = this.#used.get(due.cluster);
    if (used === undefined || used.epoch !== due.epoch) return false;
    return now - used.at < REST_IN_WAITS * due.waitMs;
  }
}
