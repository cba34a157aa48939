/** Work that is done once in the next turn of the event loop, however often it is asked for before. */
export class NextTurn {
  readonly #begin: () => void;
  #asked = false;
  #stopped = false;

  constructor(work: () => void) {
    this.#begin = () => {
      this.#asked = false;
      if (!this.#stopped) work();
    };
  }

  get asked(): boolean {
    return this.#asked;
  }

  ask(): void {
    if (this.#asked || this.#stopped) return;
    this.#asked = true;
    setImmediate(this.#begin);
  }

  /** For good: also what was asked for and has not begun is left out. */
  stop(): void {
    this.#stopped = true;
  }
}
