import type { Clock } from '#libs/kernel';

/**
 * Counts the periods of a fixed grid; those that were missed are skipped, never caught up. Anchored once:
 * members that re-anchor at each firing begin to tick in step (reference/raft.md 2.5). Whoever is awake
 * anyway takes what is due; the timer is for when nobody was, and may let some periods pass before. It is
 * not put off when something was taken, only when it fires: libuv's timer would wake the process all the same.
 */
export class GridTimer {
  #timer: NodeJS.Timeout | null = null;
  /** The first period that was not taken yet. */
  #dueMs = 0;
  /** So many more may pass before they must be taken. */
  #allowed = 0;
  #firesMs = 0;
  #fired = false;

  constructor(
    readonly clock: Clock,
    readonly periodMs: number,
    /** How many periods may pass before one must be taken; 0: each at its time. */
    readonly ahead: () => number,
    /** `lateMs`: how much later than it had to. */
    readonly onFire: (lateMs: number) => void,
  ) {}

  start(): void {
    const nowMs = this.clock.monotonicMs();
    this.#dueMs = nowMs + this.periodMs;
    this.#allowed = this.ahead();
    this.#arm(nowMs);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** What `ahead` says has changed. */
  replan(): void {
    if (this.#timer === null || this.#fired) return;
    this.#allowed = this.ahead();
    if (this.#firesMs > this.#latestMs) this.#arm(this.clock.monotonicMs());
  }

  /** Periods that passed since they were last taken, at most as many as were allowed to. */
  take(): number {
    const nowMs = this.clock.monotonicMs();
    if (this.#timer === null || (!this.#fired && nowMs < this.#dueMs)) return 0;
    const passed = 1 + Math.floor(Math.max(0, nowMs - this.#dueMs) / this.periodMs);
    const taken = Math.min(
      this.#fired ? Math.max(passed, this.#allowed + 1) : passed,
      this.#allowed + 1,
    );
    this.#dueMs += this.periodMs * Math.max(passed, taken);
    this.#allowed = this.ahead();
    if (this.#fired || this.#firesMs > this.#latestMs) this.#arm(nowMs);
    return taken;
  }

  /** 0 while nothing has to be taken, as before the start. */
  get lateMs(): number {
    if (this.#timer === null) return 0;
    return Math.max(0, this.clock.monotonicMs() - this.#latestMs);
  }

  get #latestMs(): number {
    return this.#dueMs + this.#allowed * this.periodMs;
  }

  #arm(nowMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#fired = false;
    this.#firesMs = this.#latestMs;
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, this.#firesMs - nowMs));
  }

  /** Timers fire up to a millisecond early. */
  #fire(): void {
    const nowMs = this.clock.monotonicMs();
    this.#fired = nowMs >= this.#latestMs - 1;
    if (this.#fired) this.onFire(this.lateMs);
    else this.#arm(nowMs);
  }
}
