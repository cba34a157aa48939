import type { Clock } from '#libs/kernel';

/**
 * Fires on a fixed grid of `periodMs`; periods that were missed are skipped, never caught up. Anchored
 * once: members that re-anchor at each firing begin to tick in step (reference/raft.md 2.5).
 */
export class GridTimer {
  #timer: NodeJS.Timeout | null = null;
  #dueMs = 0;

  constructor(
    readonly clock: Clock,
    readonly periodMs: number,
    /** `lateMs`: how long after its grid point it fired. */
    readonly onPeriod: (lateMs: number) => void,
  ) {}

  start(): void {
    this.#dueMs = this.clock.monotonicMs() + this.periodMs;
    this.#arm();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #arm(): void {
    const waitMs = Math.max(0, this.#dueMs - this.clock.monotonicMs());
    this.#timer = setTimeout(() => this.#fire(), waitMs);
  }

  #fire(): void {
    const nowMs = this.clock.monotonicMs();
    const lateMs = Math.max(0, nowMs - this.#dueMs);
    this.#dueMs += this.periodMs * (1 + Math.floor(lateMs / this.periodMs));
    this.#arm();
    this.onPeriod(lateMs);
  }
}
