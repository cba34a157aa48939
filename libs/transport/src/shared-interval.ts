import { untilNextBeat } from '#libs/kernel';

/**
 * Duties of the same period share one timer: a process with twenty links that each look at their peer
 * on a timer of their own would wake eighty times a second for nothing.
 */
class SharedInterval {
  readonly #duties = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(readonly periodMs: number) {}

  add(duty: () => void): void {
    this.#duties.add(duty);
    if (this.#timer === undefined) this.#arm();
  }

  remove(duty: () => void): void {
    this.#duties.delete(duty);
    if (this.#duties.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** On the grid, together with whatever else this process does then. */
  #arm(): void {
    this.#timer = setTimeout(() => this.#run(), untilNextBeat(performance.now(), this.periodMs));
  }

  #run(): void {
    this.#arm();
    // What joins in this turn is for the next beat.
    for (const duty of [...this.#duties]) if (this.#duties.has(duty)) duty();
  }
}

/**
 * Runs `duty` once, with all others of that period.
 *
 * @returns puts it off for good
 */
export function onNextBeat(periodMs: number, duty: () => void): () => void {
  const end = everyShared(periodMs, () => {
    end();
    duty();
  });
  return end;
}

const BY_PERIOD = new Map<number, SharedInterval>();

/**
 * Runs `duty` every `periodMs`, together with all others of that period; the first time may come sooner.
 *
 * @returns ends it
 */
export function everyShared(periodMs: number, duty: () => void): () => void {
  let shared = BY_PERIOD.get(periodMs);
  if (shared === undefined) {
    shared = new SharedInterval(periodMs);
    BY_PERIOD.set(periodMs, shared);
  }
  const interval = shared;
  // A duty of its own each time, so that one function may be added twice.
  const own = (): void => duty();
  interval.add(own);
  return () => interval.remove(own);
}
