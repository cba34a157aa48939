import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, takesNoChange } from '#libs/kernel';
import { isDead, ProcTable, readPostmasterPid } from '#libs/process';

/** The lock beside PostgreSQL's unix socket, and the postmaster that wrote it. */
export type SocketLock = { readonly path: string; readonly pid: number };

/** Read before the proof of down, which removes `postmaster.pid`. */
export function socketLockOf(dataDirectory: string): SocketLock | undefined {
  const postmaster = readPostmasterPid(dataDirectory);
  if (postmaster?.socketDirectory === undefined || postmaster.port === undefined) return undefined;
  const path = join(postmaster.socketDirectory, `.s.PGSQL.${postmaster.port}.lock`);
  return { path, pid: postmaster.pid };
}

/**
 * Removes the lock of a dead postmaster. PostgreSQL asks with `kill(pid, 0)` whether its writer lives,
 * and a zombie answers yes: where nobody reaps orphans at once, the next start would be refused.
 *
 * @returns true when it was removed
 */
export function removeStaleSocketLock(lock: SocketLock, proc = new ProcTable()): boolean {
  if (!isDead(proc.stat(lock.pid))) return false;
  try {
    if (Number.parseInt(readFileSync(lock.path, 'utf8'), 10) !== lock.pid) return false;
    rmSync(lock.path);
    return true;
  } catch (error) {
    // The next start says so; this guard has a lease to give back first.
    if (codeOf(error) === 'ENOENT' || takesNoChange(error)) return false;
    throw error;
  }
}
