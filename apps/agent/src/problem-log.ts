import type { Logger } from '#libs/observability';
import { Repeats } from './repeats.ts';

/** What passes sooner (a start, an election) is no problem. */
const SETTLES_MS = 2_000;
/** Between two tries of a step it may seem to be gone. */
const OVER_AFTER_MS = 5_000;

/** The log says what `matriarch status` would say: a problem when it comes, and when it is over. */
export class ProblemLog {
  readonly #repeats: Repeats;
  #seenAtMs: number | null = null;
  #beganAtMs = 0;
  #told = false;

  constructor(
    readonly log: Pick<Logger, 'info' | 'warn'>,
    readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#repeats = new Repeats(nowMs);
  }

  look(problem: string | null): void {
    const now = this.nowMs();
    if (problem !== null) {
      if (this.#seenAtMs === null) this.#beganAtMs = now;
      this.#seenAtMs = now;
      if (now - this.#beganAtMs < SETTLES_MS) return;
      if (this.#repeats.isNews(problem)) this.log.warn('problem', { why: problem });
      this.#told = true;
    } else if (this.#seenAtMs !== null && now - this.#seenAtMs > OVER_AFTER_MS) {
      const lastedMs = Math.round(this.#seenAtMs - this.#beganAtMs);
      this.#seenAtMs = null;
      this.#repeats.forget();
      if (this.#told) this.log.info('no problem any more', { lastedMs });
      this.#told = false;
    }
  }
}
