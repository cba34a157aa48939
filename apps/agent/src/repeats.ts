/** What goes on alike is said again this often. */
const REMINDER_MS = 60_000;
/** Texts that are remembered; with more different ones than these all are told anew. */
const TEXTS_MAX = 64;

/** Which lines of a log are news: the first of each kind, and one a minute while it goes on. */
export class Repeats {
  /** When each was told last. */
  readonly #told = new Map<string, number>();

  constructor(readonly nowMs: () => number = () => performance.now()) {}

  isNews(text: string): boolean {
    // Positions, ports and times differ from try to try and say nothing new.
    const alike = text.replace(/[0-9A-F]+\/[0-9A-F]+|\d+/g, '#');
    const before = this.#told.get(alike);
    if (before !== undefined && this.nowMs() - before < REMINDER_MS) return false;
    if (this.#told.size >= TEXTS_MAX) this.#told.clear();
    this.#told.set(alike, this.nowMs());
    return true;
  }

  forget(): void {
    this.#told.clear();
  }
}
