/** A new reason within one episode is told this often at most. */
const NEW_REASON_MS = 60_000;
/** Reasons that are remembered of one episode. */
const REASONS_MAX = 16;

/**
 * Which failures of a link that is tried for ever are news: the first of an episode, and later a reason that
 * was not told yet. Refused and timed out take turns for hours where a host is half up.
 */
export class DownTelling {
  readonly #told = new Set<string>();
  #toldMs = 0;

  constructor(readonly nowMs: () => number = () => performance.now()) {}

  isNews(why: string): boolean {
    const now = this.nowMs();
    if (this.#told.has(why) || this.#told.size >= REASONS_MAX) return false;
    if (this.#told.size > 0 && now - this.#toldMs < NEW_REASON_MS) return false;
    this.#told.add(why);
    this.#toldMs = now;
    return true;
  }

  /** The link is up. @returns whether somebody was told that it was not */
  over(): boolean {
    const wasTold = this.#told.size > 0;
    this.#told.clear();
    return wasTold;
  }
}
