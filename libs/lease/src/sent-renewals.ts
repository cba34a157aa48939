import { type MonotonicMs, monotonicMs } from '#libs/kernel';
import type { Moment } from './moment.ts';

/** A renewal older than this many sends is older than any lease lasts. */
const KEPT = 64;

/** When each of the last renewals was sent, by nonce; a ring that allocates nothing as it turns. */
export class SentRenewals {
  readonly #nonces = new Float64Array(KEPT).fill(-1);
  readonly #monotonic = new Float64Array(KEPT);
  readonly #boot = new Float64Array(KEPT);

  note(nonce: number, sentAt: Moment): void {
    const slot = nonce % KEPT;
    this.#nonces[slot] = nonce;
    this.#monotonic[slot] = sentAt.monotonicMs;
    this.#boot[slot] = sentAt.bootMs;
  }

  /** Undefined for a nonce that was never sent, or is too old to say anything. */
  sentAt(nonce: number): Moment | undefined {
    const slot = nonce % KEPT;
    if (this.#nonces[slot] !== nonce) return undefined;
    return { monotonicMs: at(this.#monotonic, slot), bootMs: at(this.#boot, slot) };
  }

  clear(): void {
    this.#nonces.fill(-1);
  }
}

function at(values: Float64Array, slot: number): MonotonicMs {
  return monotonicMs(values[slot] ?? 0);
}
