import type { Step } from '#libs/reconcile';
import { RETRY_FIRST_MS, RETRY_LONGEST_MS } from './timing.ts';

const STARTS: readonly Step['kind'][] = ['startPrimary', 'startStandby'];

/**
 * When PostgreSQL may be started again. A start ends well once there is a postmaster; one that cannot read its
 * configuration ends some milliseconds later, and would be started fifteen times a second until somebody mends it.
 */
export class StartPatience {
  readonly #tries = new Map<string, { readonly times: number; readonly atMs: number }>();

  /** `key`: what is started, in which role. */
  mayBegin({ kind }: Step, key: string, nowMs: number): boolean {
    const tries = this.#tries.get(key);
    if (!STARTS.includes(kind) || tries === undefined) return true;
    return nowMs >= tries.atMs;
  }

  /** The second try comes at once: what was in the way of the first may be gone with it. */
  ended({ kind }: Step, key: string, nowMs: number): void {
    if (!STARTS.includes(kind)) return;
    const times = (this.#tries.get(key)?.times ?? 0) + 1;
    const waitMs = times < 2 ? 0 : RETRY_FIRST_MS * 2 ** Math.min(times - 2, 10);
    this.#tries.set(key, { times, atMs: nowMs + Math.min(waitMs, RETRY_LONGEST_MS) });
  }

  /** It serves: whatever ends it now is another matter. */
  rested(): void {
    this.#tries.clear();
  }
}
