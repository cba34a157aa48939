import { setTimeout as delay } from 'node:timers/promises';

/**
 * Somebody watches what was ordered and goes on without the verb. Ctrl-C ends the watching, so that the
 * terminal is left clean and the last line says what goes on; a second one ends the process as it is.
 */
export class Watch {
  readonly #aborter = new AbortController();
  readonly #leave = (): void => {
    this.#left = true;
    this.#aborter.abort();
  };
  readonly #timer: NodeJS.Timeout | undefined;
  #left = false;

  /** `limitMs`: for so long at most; as long as it takes when it is left out. */
  constructor(limitMs?: number) {
    if (limitMs !== undefined) this.#timer = setTimeout(() => this.#aborter.abort(), limitMs);
    process.once('SIGINT', this.#leave);
  }

  /** Aborted when nobody watches any more, or for long enough. */
  get signal(): AbortSignal {
    return this.#aborter.signal;
  }

  get left(): boolean {
    return this.#left;
  }

  end(): void {
    clearTimeout(this.#timer);
    process.off('SIGINT', this.#leave);
    this.#aborter.abort();
  }
}

/** Ends early, and as well, when the signal is aborted. */
export async function pauseUntil(signal: AbortSignal, pauseMs: number): Promise<void> {
  try {
    await delay(pauseMs, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
