/** Which controller leads, as far as the controllers said; the word of a later term wins. */
export class LeaderView {
  #name: string | null = null;
  #term = 0;

  get name(): string | null {
    return this.#name;
  }

  /** @returns true when a leader became known that was not known before */
  told(name: string | null, term: number): boolean {
    if (term < this.#term) return false;
    const sameTerm = term === this.#term;
    this.#term = term;
    // A controller that does not know yet says nothing against one that does.
    if (sameTerm && name === null) return false;
    const isNew = name !== null && (name !== this.#name || !sameTerm);
    this.#name = name;
    return isNew;
  }
}
