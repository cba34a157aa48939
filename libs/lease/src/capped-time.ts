import { type MonotonicMs, monotonicMs } from '#libs/kernel';

/**
 * Time in which the leader could hear. It advances by at most `turnCapMs` per loop turn, and only in
 * turns whose sockets were drained first: a leader that was paused for 30 s has aged by one cap, so it
 * never takes its own silence for that of others. It is never ahead of the real elapsed time.
 */
export class CappedTime {
  readonly #turnCapMs: number;
  #passedMs = 0;
  #lastTurnAt: MonotonicMs;

  constructor(turnCapMs: number, now: MonotonicMs) {
    this.#turnCapMs = turnCapMs;
    this.#lastTurnAt = now;
  }

  /** Once per loop turn, after all sockets were read; `drained` false when some were not. */
  turn(now: MonotonicMs, drained: boolean): void {
    if (drained) this.#passedMs += Math.min(this.#sinceTurn(now), this.#turnCapMs);
    this.#lastTurnAt = now;
  }

  /** Time heard up to the last turn. */
  get passedMs(): number {
    return this.#passedMs;
  }

  /**
   * The mark of something that happens now, in the middle of a turn: what the turn may still add for
   * the time before this moment is already taken off, so that no age is ever too great.
   */
  mark(now: MonotonicMs): number {
    return this.#passedMs + Math.min(this.#sinceTurn(now), this.#turnCapMs);
  }

  /** Never negative. */
  since(mark: number): number {
    return Math.max(0, this.#passedMs - mark);
  }

  #sinceTurn(now: MonotonicMs): number {
    return monotonicMs(Math.max(0, now - this.#lastTurnAt));
  }
}
