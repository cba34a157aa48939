import { DomainError } from '#libs/kernel';

export type ProcessFailure = {
  /** The argv as it was spawned; secrets never stand in an argv (they go through the environment). */
  readonly argv: readonly string[];
  /** Absent when a signal ended it or when it never started. */
  readonly exitCode?: number;
  readonly signal?: NodeJS.Signals;
  /** Ended by us because `timeoutMs` was over. */
  readonly timedOut: boolean;
  /** Ended by us because the caller's `AbortSignal` fired. */
  readonly cancelled: boolean;
  readonly stdoutTail: string;
  readonly stderrTail: string;
  readonly durationMs: number;
};

/** A child process did not end with an accepted exit code; what it printed last is kept. */
export class ProcessError extends DomainError {
  readonly code = 'PROCESS_FAILED';

  constructor(
    readonly failure: ProcessFailure,
    options?: { cause?: unknown },
  ) {
    super(describe(failure), options);
  }
}

function describe(failure: ProcessFailure): string {
  const program = failure.argv[0] ?? '(no program)';
  const said = whatItSaid(failure);
  return `${program} ${howItEnded(failure)}${said === '' ? '' : `: ${said}`}`;
}

function howItEnded(failure: ProcessFailure): string {
  const after = `after ${Math.round(failure.durationMs)} ms`;
  if (failure.timedOut) return `was ended by its time limit ${after}`;
  if (failure.cancelled) return `was cancelled ${after}`;
  if (failure.signal !== undefined) return `was ended by ${failure.signal} ${after}`;
  if (failure.exitCode !== undefined) return `ended with exit code ${failure.exitCode} ${after}`;
  return 'did not start';
}

/**
 * PostgreSQL's tools name the cause first and end with how they cleaned up: the cause is wanted. What runs
 * on a terminal says everything on one stream.
 */
function whatItSaid({ stderrTail, stdoutTail }: ProcessFailure): string {
  const last = stderrTail.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return causeIn(stderrTail) ?? (last === '' ? causeIn(stdoutTail) : last) ?? '';
}

function causeIn(text: string): string | undefined {
  const lines = text.trimEnd().split('\n');
  return lines.findLast((line) => /\b(error|fatal|panic)\b/i.test(line))?.trim();
}
