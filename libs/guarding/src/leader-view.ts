/** Which controller leads, as far as the controllers said; the word of a later term wins. */
export class LeaderView {
  #name: string | null = null;
  #term = 0;
  /** It said so itself, which it does only once it serves. */
  #serves = false;

  get name(): string | null {
    return this.#name;
  }

  /**
   * @param by the controller that says so
   * @returns true when a leader became known that was not known before, or when one that others have
   *   named begins to serve: what was sent to it in between is lost
   */
  told(name: string | null, term: number, by: string): boolean {
    if (term < this.#term) return false;
    const sameTerm = term === this.#term;
    this.#term = term;
    // A controller that does not know yet says nothing against one that does.
    if (sameTerm && name === null) return false;
    const serves = name !== null && name === by;
    const isNew = name !== null && (name !== this.#name || !sameTerm);
    const began = serves && (isNew || !this.#serves);
    this.#serves = serves || (this.#serves && !isNew);
    this.#name = name;
    return isNew || began;
  }
}
