import { constants } from 'node:os';
import { DomainError } from '#libs/kernel';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Ctrl-C or SIGTERM ended a verb that has taken back what it began. */
export class InterruptedError extends DomainError {
  readonly code = 'INTERRUPTED';

  constructor(readonly signal: (typeof SIGNALS)[number]) {
    super(`ended by ${signal}: nothing was left behind`);
  }
}

/** What a shell says of a process that a signal ended: 130 for Ctrl-C. */
export function exitCodeAfter({ signal }: InterruptedError): number {
  return 128 + constants.signals[signal];
}

/** Ctrl-C aborts the signal instead of ending the process, so that `work` can take back what it began. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = (signal: (typeof SIGNALS)[number]): void =>
    controller.abort(new InterruptedError(signal));
  for (const signal of SIGNALS) process.once(signal, abort);
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, abort);
  }
}
