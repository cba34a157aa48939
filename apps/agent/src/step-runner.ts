import { codeOf, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { Step } from '#libs/reconcile';
import { StartPatience } from './start-patience.ts';
import { StepTale } from './step-tale.ts';
import { CANCELLABLE, execute } from './steps/execute.ts';
import type { StepContext } from './steps/step-context.ts';
import {
  RETRY_FIRST_MS,
  RETRY_LONGEST_MS,
  RETRY_PASSING_FIRST_MS,
  RETRY_PASSING_MS,
} from './timing.ts';

/** The lease alone: what was seen of the instance before is still true after. */
const CHANGES_NO_INSTANCE: readonly Step['kind'][] = ['acquireLease'];

type Running = {
  readonly step: Step;
  readonly abort: AbortController;
  readonly begunMs: number;
};

export type StepOutcome = { readonly step: Step; readonly tookMs: number; readonly ok: boolean };

/** Runs one step at a time. What fails is tried again, later each time, until the step is another. */
export class StepRunner {
  readonly #tale: StepTale;
  readonly #patience = new StartPatience();
  #running: Running | null = null;
  #failures = 0;
  #failedKey: string | null = null;
  #retryAtMs = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  /** Monotonic; what was observed of the instance before it says nothing of the present. */
  endedAtMs = 0;
  activity: string | null = null;
  /** Why the last try of the present step failed, in words. */
  problem: string | null = null;

  constructor(
    readonly log: Logger,
    readonly onEnd: (outcome: StepOutcome) => void,
  ) {
    this.#tale = new StepTale(log);
  }

  get busy(): boolean {
    return this.#running !== null;
  }

  /** What runs now, if anything does. */
  get running(): Step | null {
    return this.#running?.step ?? null;
  }

  /** Breaks off a long step whose goal is not the goal any more. */
  superseded(): void {
    const running = this.#running;
    if (running !== null && CANCELLABLE.includes(running.step.kind)) running.abort.abort();
  }

  /** True when `step` may begin now; after a failure only when its time has come. */
  mayBegin(step: Step, nowMs: number): boolean {
    if (this.#running !== null) return false;
    const key = keyOf(step);
    if (!this.#patience.mayBegin(step, key, nowMs)) return false;
    return this.#failedKey !== key || nowMs >= this.#retryAtMs;
  }

  begin(step: Step, contextFor: (signal: AbortSignal) => StepContext): void {
    const key = keyOf(step);
    if (key !== this.#failedKey) this.#forgive();
    const running = { step, abort: new AbortController(), begunMs: performance.now() };
    this.#running = running;
    this.#tale.begins(step);
    this.activity = step.kind;
    void this.#run(running, contextFor(running.abort.signal));
  }

  /** The instance rests: nothing that failed before counts. */
  rested(): void {
    if (this.#running !== null) return;
    this.#forgive();
    this.#patience.rested();
    this.#tale.rested();
  }

  stop(): void {
    clearTimeout(this.#retryTimer);
    this.#running?.abort.abort();
  }

  async #run(running: Running, context: StepContext): Promise<void> {
    const { step, begunMs } = running;
    let ok = true;
    try {
      await execute(step, context);
      this.#forgive();
      this.#patience.ended(step, keyOf(step), performance.now());
    } catch (error) {
      ok = false;
      this.#failed(step, error, running.abort.signal.aborted);
    }
    this.#running = null;
    this.activity = null;
    const endedAtMs = performance.now();
    if (!CHANGES_NO_INSTANCE.includes(step.kind)) this.endedAtMs = endedAtMs;
    const tookMs = Math.round(endedAtMs - begunMs);
    if (ok) this.#tale.ended(step, tookMs);
    else if (running.abort.signal.aborted) this.#tale.brokenOff(step, tookMs);
    this.onEnd({ step, tookMs, ok });
  }

  #failed(step: Step, error: unknown, aborted: boolean): void {
    if (aborted) {
      this.#forgive();
      return;
    }
    this.#failures += 1;
    this.#failedKey = keyOf(step);
    const passing = codeOf(error) === 'NOT_YET';
    const firstMs = passing ? RETRY_PASSING_FIRST_MS : RETRY_FIRST_MS;
    const doubledMs = firstMs * 2 ** Math.min(this.#failures - 1, 10);
    const delayMs = Math.min(doubledMs, passing ? RETRY_PASSING_MS : RETRY_LONGEST_MS);
    this.#retryAtMs = performance.now() + delayMs;
    if (!passing) this.problem = `${step.kind}: ${messageOf(error)}`;
    this.#tale.failed(step, error, passing, delayMs);
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.onEnd({ step, tookMs: 0, ok: false }), delayMs);
  }

  #forgive(): void {
    this.#failures = 0;
    this.#failedKey = null;
    this.problem = null;
    clearTimeout(this.#retryTimer);
  }
}

/** Steps that are tried again are the same when kind and subject are. */
function keyOf(step: Step): string {
  const subject = 'upstream' in step ? (step.upstream?.name ?? '') : '';
  const epoch = 'epoch' in step ? String(step.epoch) : '';
  const order = step.kind === 'rebuild' ? String(step.order.order) : '';
  return `${step.kind} ${subject} ${epoch}${order}`;
}
