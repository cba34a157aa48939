import type { Clock } from '#libs/kernel';

const ITEMS_MAX = 512;
const TURN_MS_MAX = 2;
/** Reading the clock costs more than an item, so it is looked at once in this many. */
const ITEMS_PER_LOOK = 32;

/** How much one turn of the loop may take in before it writes, sends and lets sockets be read. */
export class TurnBudget {
  #items = 0;
  #spent = false;
  readonly #endMs: number;

  constructor(readonly clock: Clock) {
    this.#endMs = clock.monotonicMs() + TURN_MS_MAX;
  }

  take(): boolean {
    if (this.#spent) return false;
    this.#items += 1;
    this.#spent =
      this.#items >= ITEMS_MAX ||
      (this.#items % ITEMS_PER_LOOK === 0 && this.clock.monotonicMs() >= this.#endMs);
    return true;
  }
}
