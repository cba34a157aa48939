import { untilNextBeat } from '#libs/kernel';

/**
 * Duties of the same period share one timer: a process with twenty links that each look at their peer
 * on a timer of their own would wake eighty times a second for nothing.
 */
class SharedInterval {
  readonly #duties = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  /** `aheadMs`: by how much it comes before the beat of the grid. */
  constructor(
    readonly periodMs: number,
    readonly aheadMs: number,
  ) {}

  get size(): number {
    return this.#duties.size;
  }

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
    const inMs = untilNextBeat(performance.now() + this.aheadMs, this.periodMs);
    this.#timer = setTimeout(() => this.#run(), inMs);
  }

  #run(): void {
    this.#arm();
    // What joins in this turn is for the next beat.
    for (const duty of [...this.#duties]) if (this.#duties.has(duty)) duty();
  }
}

/**
 * Runs `duty` once, with others of that period.
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

/**
 * So many run in one wake-up. A controller with a link to each of thousands of guards would hold up their
 * renewals if it looked at all of the links at once; what is beyond this many gets a beat of its own.
 */
const TOGETHER_MAX = 64;
/** Each beat as far from those before it as can be: the golden ratio of the period after the last one. */
const APART = 0.618;

const BY_PERIOD = new Map<number, SharedInterval[]>();

function intervalWithRoom(periodMs: number): SharedInterval {
  const intervals = BY_PERIOD.get(periodMs) ?? [];
  BY_PERIOD.set(periodMs, intervals);
  const withRoom = intervals.find(({ size }) => size < TOGETHER_MAX);
  if (withRoom !== undefined) return withRoom;
  const aheadMs = Math.round((intervals.length * APART * periodMs) % periodMs);
  const added = new SharedInterval(periodMs, aheadMs);
  intervals.push(added);
  return added;
}

/**
 * Runs `duty` every `periodMs`, together with others of that period; the first time may come sooner.
 *
 * @returns ends it
 */
export function everyShared(periodMs: number, duty: () => void): () => void {
  const interval = intervalWithRoom(periodMs);
  // A duty of its own each time, so that one function may be added twice.
  const own = (): void => duty();
  interval.add(own);
  return () => interval.remove(own);
}
