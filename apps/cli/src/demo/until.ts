import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { DomainError } from '#libs/kernel';

class WaitedTooLongError extends DomainError {
  readonly code = 'WAITED_TOO_LONG';

  constructor(what: string, limitMs: number, last: string) {
    super(`${what} did not come about within ${limitMs} ms; last seen: ${last}`);
  }
}

/** What a look showed: the value that was waited for, or what stands in its place. */
export type Look<T> = { readonly value: T } | { readonly instead: string };

export type UntilOptions = {
  readonly limitMs: number;
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
};

const LOOK_INTERVAL_MS = 40;

/**
 * Looks again and again until the look shows a value.
 *
 * @throws WaitedTooLongError with what the last look showed instead
 */
export async function until<T>(
  what: string,
  options: UntilOptions,
  look: () => Promise<Look<T>>,
): Promise<T> {
  const startedMs = performance.now();
  for (;;) {
    options.signal?.throwIfAborted();
    const seen = await look();
    if ('value' in seen) return seen.value;
    if (performance.now() - startedMs > options.limitMs) {
      throw new WaitedTooLongError(what, options.limitMs, seen.instead);
    }
    await pause(options.intervalMs ?? LOOK_INTERVAL_MS, undefined, {
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  }
}
