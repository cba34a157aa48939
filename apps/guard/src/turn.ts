import { setTimeout as delay } from 'node:timers/promises';
import { codeOf, type GuardIncarnation } from '#libs/kernel';
import { isDead, ProcTable } from '#libs/process';
import { awaitDirectoryLock, type DirectoryLock, holderPid } from './directory-lock.ts';
import type { GuardLog } from './guard-log.ts';
import { refuseServerOfOthers } from './server-of-others.ts';

/** The third argument of a guard that a service manager keeps (`bin/matriarch guard`). */
export const SERVICE_ARGUMENT = '--service';

/** How soon the end of another system's server is seen here; its agent, which ends it, begins a guard at once. */
const LOOK_AGAIN_MS = 2_000;
const END_POLL_MS = 20;

export type TurnParts = {
  readonly dataDirectory: string;
  readonly incarnation: GuardIncarnation;
  readonly log: GuardLog;
  /** It waits, and nothing else is expected of it now. */
  readonly onWaiting: () => void;
};

/**
 * The guard of a service does not end because the directory is not its own yet: the agent begins a guard by
 * itself when one died, or when another system's PostgreSQL is taken over, and a service that ends is given
 * up by its manager. It waits for its turn. Whoever stops the service means PostgreSQL: SIGTERM is passed on
 * to the guard that has it, and this one ends after that one.
 *
 * @returns null when it was told to end
 */
export async function awaitTurn(parts: TurnParts): Promise<DirectoryLock | null> {
  const { dataDirectory, log } = parts;
  const waiting = new AbortController();
  const stop = (): void => waiting.abort();
  process.once('SIGTERM', stop);
  try {
    return await firstTurn(parts, waiting.signal);
  } catch (error) {
    if (!waiting.signal.aborted) throw error;
    const pid = holderPid(dataDirectory);
    log.info('guard ends before its turn', { passedOnTo: pid });
    if (pid !== null) await endGuard(pid);
    return null;
  } finally {
    process.off('SIGTERM', stop);
  }
}

async function firstTurn(parts: TurnParts, signal: AbortSignal): Promise<DirectoryLock> {
  const { dataDirectory, incarnation, log, onWaiting } = parts;
  let told = false;
  const tell = (fields: { readonly why: string }): void => {
    if (!told) log.info('guard waits for its turn', { pid: process.pid, ...fields });
    told = true;
    onWaiting();
  };
  for (;;) {
    const soon = setTimeout(() => {
      tell({ why: `guard ${holderPid(dataDirectory)} has the data directory` });
    }, LOOK_AGAIN_MS);
    const lock = await awaitDirectoryLock(dataDirectory, incarnation, signal).finally(() =>
      clearTimeout(soon),
    );
    const why = serverOfOthers(dataDirectory, lock);
    if (why === null) return lock;
    lock.release();
    tell({ why });
    await delay(LOOK_AGAIN_MS, undefined, { signal });
  }
}

/** Null when there is none; else what it is. */
function serverOfOthers(dataDirectory: string, lock: DirectoryLock): string | null {
  try {
    refuseServerOfOthers(dataDirectory, lock);
    return null;
  } catch (error) {
    if (error instanceof Error && codeOf(error) === 'SERVER_OF_OTHERS') return error.message;
    throw error;
  }
}

/** It stops PostgreSQL in order, and gives its lease back. */
async function endGuard(pid: number): Promise<void> {
  const proc = new ProcTable();
  const known = proc.stat(pid);
  if (isDead(known)) return;
  process.kill(pid, 'SIGTERM');
  for (;;) {
    const now = proc.stat(pid);
    if (isDead(now) || now?.startTicks !== known?.startTicks) return;
    await delay(END_POLL_MS);
  }
}
