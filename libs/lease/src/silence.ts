import type { MonotonicMs } from '#libs/kernel';
import type { CappedTime } from './capped-time.ts';

/**
 * How long each peer has been silent, for suspicion (never for expiry). A peer that was not heard at all
 * since this controller began to serve is not suspected before `graceMs`: a new leader has heard
 * nobody (safety 19). Every controller keeps one, so that a leader can ask the others whom they hear.
 */
export class Silence {
  readonly #time: CappedTime;
  readonly #graceMs: number;
  /** Changed in place: the numbers themselves, kept anew with each word of thousands, would outlive the young heap. */
  readonly #heard = new Map<string, { mark: number }>();
  readonly #beganAt: number;

  constructor(time: CappedTime, graceMs: number, now: MonotonicMs) {
    this.#time = time;
    this.#graceMs = graceMs;
    this.#beganAt = time.mark(now);
  }

  heard(peer: string, now: MonotonicMs): void {
    const mark = this.#time.mark(now);
    const known = this.#heard.get(peer);
    if (known === undefined) this.#heard.set(peer, { mark });
    else known.mark = mark;
  }

  forget(peer: string): void {
    this.#heard.delete(peer);
  }

  hasHeard(peer: string): boolean {
    return this.#heard.has(peer);
  }

  /** 0 while a peer that was never heard is still in its grace. */
  suspectedForMs(peer: string): number {
    const known = this.#heard.get(peer);
    if (known !== undefined) return this.#time.since(known.mark);
    return Math.max(0, this.#time.since(this.#beganAt) - this.#graceMs);
  }

  heardWithin(peer: string, durationMs: number): boolean {
    const known = this.#heard.get(peer);
    return known !== undefined && this.#time.since(known.mark) <= durationMs;
  }
}
