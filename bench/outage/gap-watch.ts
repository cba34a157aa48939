import type { WritingClient } from '#libs/outage';

/** The longest outage of one fault: wall time of the last commit before it and the first after. */
export type WatchedGap = { readonly fromMs: number; readonly toMs: number };

const LOOK_MS = 2;
/** Shorter ones are no outage: a busy machine makes them too. */
const COUNTS_FROM_MS = 60;

/** Looks at the client often enough to say when its longest gap began and ended. */
export class GapWatch {
  readonly #timer: NodeJS.Timeout;
  #openFromMs: number | null = null;
  #longest: WatchedGap | null = null;

  constructor(readonly client: WritingClient) {
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  get longest(): WatchedGap | null {
    return this.#longest;
  }

  forget(): void {
    this.#longest = null;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = Date.now();
    const { openGapMs } = this.client.view();
    if (openGapMs >= COUNTS_FROM_MS) {
      this.#openFromMs ??= nowMs - openGapMs;
      return;
    }
    const fromMs = this.#openFromMs;
    this.#openFromMs = null;
    if (fromMs === null) return;
    const toMs = nowMs - openGapMs;
    const known = this.#longest;
    if (known === null || toMs - fromMs > known.toMs - known.fromMs)
      this.#longest = { fromMs, toMs };
  }
}
