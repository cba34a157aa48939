/** Which controller leads, as far as the controllers said; the word of a later term wins. */
export class LeaderView {
  #name: string | null = null;
  #term = 0;
  /** It said so itself, which it does only once it serves. */
  #serves = false;

  get name(): string | null {
    return this.#name;
  }

  /** In which the leader was elected that was named last. */
  get term(): number {
    return this.#term;
  }

  /**
   * Only a leader ends its own name, or the next one's. That another controller knows none proves nothing, whatever its
   * term: a candidate that loses its power before its disk has that term leaves no trace of it, and the leader of an
   * earlier term goes on and has no reason to name itself again.
   *
   * @param by the controller that says so
   * @returns true when a leader became known that was not known before, or when one that others have
   *   named begins to serve: what was sent to it in between is lost
   */
  told(name: string | null, term: number, by: string): boolean {
    if (term < this.#term) return false;
    const sameTerm = term === this.#term;
    if (name === null) {
      if (by === this.#name && (this.#serves || !sameTerm)) this.#forget();
      return false;
    }
    const serves = name === by;
    const isNew = name !== this.#name || !sameTerm;
    const began = serves && (isNew || !this.#serves);
    this.#serves = serves || (this.#serves && !isNew);
    this.#term = term;
    this.#name = name;
    return isNew || began;
  }

  #forget(): void {
    this.#name = null;
    this.#serves = false;
  }
}
