/** A place in the log and the digest of the state there. */
export type Mark = { readonly index: number; readonly digest: number };

/** This member's state at `index` is not what a majority of the voters have there. */
export type Oddity = { readonly index: number; readonly expected: number; readonly found: number };

/** A verdict may be about a mark before the newest one, when leadership changed in between. */
const MARKS_KEPT = 4;

/**
 * Compares states through the log. Each check entry marks a place, at which every member notes its own
 * digest, and says what a majority of the voters had at an earlier mark. Nothing of this is state.
 */
export class StateChecks {
  #marks: readonly Mark[] = [];
  #oddity: Oddity | null = null;

  /** The newest mark that was applied in this life; null before the first. */
  get newest(): Mark | null {
    return this.#marks.at(-1) ?? null;
  }

  /** Stays for good: a state that went wrong once is not trusted again. */
  get oddity(): Oddity | null {
    return this.#oddity;
  }

  /** `verdict.index` 0: nothing is known of an earlier mark. */
  apply(index: number, digest: number, verdict: Mark): void {
    const own = this.#marks.find((mark) => mark.index === verdict.index);
    if (own !== undefined && own.digest !== verdict.digest) {
      this.#oddity ??= { index: own.index, expected: verdict.digest, found: own.digest };
    }
    this.#marks = [...this.#marks, { index, digest }].slice(-MARKS_KEPT);
  }
}
