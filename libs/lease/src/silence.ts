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
  readonly #marks = new Map<string, number>();
  readonly #beganAt: number;

  constructor(time: CappedTime, graceMs: number, now: MonotonicMs) {
    this.#time = time;
    this.#graceMs = graceMs;
    this.#beganAt = time.mark(now);
  }

  heard(peer: string, now: MonotonicMs): void {
    this.#marks.set(peer, this.#time.mark(now));
  }

  forget(peer: string): void {
    this.#marks.delete(peer);
  }

  hasHeard(peer: string): boolean {
    return this.#marks.has(peer);
  }

  /** 0 while a peer that was never heard is still in its grace. */
  suspectedForMs(peer: string): number {
    const mark = this.#marks.get(peer);
    if (mark !== undefined) return this.#time.since(mark);
    return Math.max(0, this.#time.since(this.#beganAt) - this.#graceMs);
  }

  heardWithin(peer: string, durationMs: number): boolean {
    const mark = this.#marks.get(peer);
    return mark !== undefined && this.#time.since(mark) <= durationMs;
  }
}
