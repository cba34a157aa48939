import { codeOf } from '#libs/kernel';

/**
 * A process may end between the look that named it and its signal: a frozen postmaster leaves a backend that was just ending
 * to be reaped, and reaps it the moment it goes on.
 * @returns those that took the signal.
 */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): number[] {
  return pids.filter((pid) => signalIfThere(pid, signal));
}

function signalIfThere(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}
