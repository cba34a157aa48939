import { codeOf, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { Step } from '#libs/reconcile';
import { Repeats } from './repeats.ts';

/**
 * What is written of steps. One that is tried again and again is told at its first try, whenever its
 * reason is another, and once a minute; what it says meanwhile is no news to whoever reads the log.
 */
export class StepTale {
  readonly #tries = new Map<string, number>();
  /** Kinds whose last try failed: that one ends well is news. */
  readonly #failing = new Set<string>();
  readonly #repeats: Repeats;
  /** The present try was begun without a word: neither is its good end told. */
  #quiet = false;

  constructor(
    readonly log: Logger,
    nowMs?: () => number,
  ) {
    this.#repeats = new Repeats(nowMs);
  }

  begins(step: Step): void {
    const tries = (this.#tries.get(step.kind) ?? 0) + 1;
    this.#tries.set(step.kind, tries);
    this.#quiet = !this.#repeats.isNews(`${step.kind} begins: ${step.why}`);
    if (this.#quiet) return;
    this.log.info('step begins', { step: step.kind, why: step.why, ...triesOf(tries) });
  }

  ended({ kind }: Step, tookMs: number): void {
    const after = this.#failing.delete(kind);
    if (this.#quiet && !after) return;
    const tries = this.#tries.get(kind) ?? 1;
    this.log.info('step ended', { step: kind, tookMs, ...triesOf(tries) });
  }

  brokenOff({ kind }: Step, tookMs: number): void {
    this.log.info('step broken off: the goal is another one', { step: kind, tookMs });
  }

  /** `passing`: it only waits for somebody else. */
  failed({ kind }: Step, error: unknown, passing: boolean, nextTryMs: number): void {
    this.#failing.add(kind);
    const tries = this.#tries.get(kind) ?? 1;
    const why = messageOf(error);
    if (!this.#repeats.isNews(`${kind} failed: ${why}`)) return;
    const fields = { step: kind, code: codeOf(error), ...triesOf(tries), nextTryMs };
    if (passing) this.log.info('step not possible yet', { ...fields, why });
    else this.log.warn('step failed', { ...fields, error });
  }

  /** The instance is what it should be: whatever comes now is news. */
  rested(): void {
    this.#tries.clear();
    this.#failing.clear();
    this.#repeats.forget();
  }
}

function triesOf(tries: number): { readonly tries?: number } {
  return tries > 1 ? { tries } : {};
}
