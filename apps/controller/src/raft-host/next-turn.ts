/**
 * Reading thousands of sockets is one long phase of the event loop, in which no timer fires: a leader that answers
 * and beats only after it is taken for dead while it works. A turn that waits for longer begins between two sockets.
 */
const OVERDUE_MS = 25;

/** `between`: other sockets have yet to be read, so nobody's silence means anything. */
type Work = (between: boolean) => void;

/** Work that is done once in the next turn of the event loop, however often it is asked for before. */
export class NextTurn {
  readonly #begin: () => void;
  readonly #beginBetween: () => void;
  #asked = false;
  #stopped = false;
  #hurried = false;
  #askedMs = 0;

  constructor(work: Work) {
    const begin = (between: boolean): void => {
      if (!this.#asked) return;
      this.#asked = false;
      this.#hurried = false;
      if (!this.#stopped) work(between);
    };
    this.#begin = () => begin(false);
    this.#beginBetween = () => begin(true);
  }

  get asked(): boolean {
    return this.#asked;
  }

  ask(): void {
    if (this.#stopped) return;
    if (this.#asked) {
      this.#hurry();
      return;
    }
    this.#asked = true;
    this.#askedMs = performance.now();
    setImmediate(this.#begin);
  }

  /** For good: also what was asked for and has not begun is left out. */
  stop(): void {
    this.#stopped = true;
  }

  #hurry(): void {
    if (this.#hurried || performance.now() - this.#askedMs < OVERDUE_MS) return;
    this.#hurried = true;
    process.nextTick(this.#beginBetween);
  }
}
