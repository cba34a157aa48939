import { DomainError } from '#libs/kernel';

class InterruptedError extends DomainError {
  readonly code = 'INTERRUPTED';

  constructor(signal: string) {
    super(`ended by ${signal}: nothing was left behind`);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Ctrl-C aborts the signal instead of ending the process, so that `work` can take back what it began. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = (signal: string): void => controller.abort(new InterruptedError(signal));
  for (const signal of SIGNALS) process.once(signal, abort);
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, abort);
  }
}
