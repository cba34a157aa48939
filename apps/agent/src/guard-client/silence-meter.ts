/** A turn that comes this much later than it was planned means that this process was held up itself. */
const LATE_MS = 400;

/**
 * How long a guard has left a ping unanswered while this process ran normally. A process that was
 * stopped runs its timers before it reads its sockets: what passed meanwhile is no silence of the
 * guard (safety 21), so a late turn begins anew with a fresh ping.
 */
export class SilenceMeter {
  #silentMs = 0;
  #plannedMs: number;
  #lastTurnMs: number;
  #waiting = false;

  constructor(
    readonly limitMs: number,
    nowMs: number,
  ) {
    this.#lastTurnMs = nowMs;
    this.#plannedMs = nowMs;
  }

  /** A ping is not answered yet. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** A ping was sent. */
  asked(): void {
    this.#waiting = true;
  }

  /** Anything came from the guard. */
  heard(): void {
    this.#silentMs = 0;
    this.#waiting = false;
  }

  /** When the next turn is to come. */
  turnIn(waitMs: number, nowMs: number): void {
    this.#plannedMs = nowMs + waitMs;
  }

  turn(nowMs: number): 'fine' | 'ask-again' | 'silent' {
    const sinceMs = nowMs - this.#lastTurnMs;
    this.#lastTurnMs = nowMs;
    if (nowMs - this.#plannedMs > LATE_MS) {
      this.#silentMs = 0;
      this.#waiting = false;
      return 'ask-again';
    }
    if (!this.#waiting) return 'ask-again';
    this.#silentMs += sinceMs;
    return this.#silentMs >= this.limitMs ? 'silent' : 'fine';
  }
}
