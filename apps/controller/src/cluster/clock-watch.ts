import type { Clock } from '#libs/kernel';

/** Slewing a clock stays below this from one tick to the next; a step does not. */
const JUMP_MIN_MS = 1_000;

/** Compares the wall clock with the monotonic one: what they part by between two looks is a jump. */
export class ClockWatch {
  #offsetMs: number;

  constructor(readonly clock: Clock) {
    this.#offsetMs = this.#offset();
  }

  /** The jump since the last look; 0 when there was none. */
  look(): number {
    const before = this.#offsetMs;
    this.#offsetMs = this.#offset();
    const jumpMs = Math.round(this.#offsetMs - before);
    return Math.abs(jumpMs) >= JUMP_MIN_MS ? jumpMs : 0;
  }

  #offset(): number {
    return this.clock.nowMs() - this.clock.monotonicMs();
  }
}
