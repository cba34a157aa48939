import { spawnSync } from 'node:child_process';
import { ftruncateSync, openSync, readFileSync, realpathSync, writeSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { codeOf, DomainError, type GuardIncarnation, guardIncarnation } from '#libs/kernel';

/** Another guard has the data directory. */
class DirectoryLockedError extends DomainError {
  readonly code = 'DIRECTORY_LOCKED';

  constructor(path: string, holder: string) {
    super(`another guard has this data directory (${holder}; lock ${path}): end it first`);
  }
}

class DirectoryLockFailedError extends DomainError {
  readonly code = 'DIRECTORY_LOCK_FAILED';

  constructor(path: string, reason: string, options?: { cause?: unknown }) {
    super(`cannot lock ${path}: ${reason}`, options);
  }
}

export type DirectoryLock = {
  readonly path: string;
  /** Guards that had the directory before, the youngest first. All of them are dead. */
  readonly predecessors: readonly GuardIncarnation[];
  /** As if this guard had never had the directory. */
  readonly forget: () => void;
};

const KEPT_PREDECESSORS = 16;
const FLOCK_LIMIT_MS = 2_000;
const FLOCK_BUSY_EXIT_CODE = 1;
/**
 * A guard that was killed shows as dead, and its sockets as closed, once its first thread is gone; the lock
 * goes with the last one, which a busy host may let wait. To give up at once would cost its successor the lease.
 */
const DYING_HOLDER_MS = 500;

/**
 * One guard per data directory (safety 10): an flock on a file beside the directory, held by this
 * process's own file handle, so that the kernel ends it with the process, however that dies. The file
 * stands beside the directory because `initdb` and base backups want that one empty.
 *
 * The file also keeps the incarnations of earlier guards: only for those may this one release a lease.
 *
 * @throws DirectoryLockedError
 * @throws DirectoryLockFailedError
 */
export function lockDirectory(
  dataDirectory: string,
  incarnation: GuardIncarnation,
  waitMs = DYING_HOLDER_MS,
): DirectoryLock {
  const path = lockPathOf(dataDirectory);
  const handle = open(path);
  // `flock` locks the open file that it inherits; the lock stays with our handle when it exits.
  const flock = spawnSync('flock', ['--exclusive', '--timeout', `${waitMs / 1_000}`, '3'], {
    stdio: ['ignore', 'ignore', 'ignore', handle],
    cwd: '/',
    timeout: waitMs + FLOCK_LIMIT_MS,
  });
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  if (flock.status === FLOCK_BUSY_EXIT_CODE) {
    throw new DirectoryLockedError(path, lines[0] ?? 'unknown');
  }
  if (flock.status !== 0) {
    const reason = flock.error?.message ?? `flock ended with ${flock.status ?? flock.signal}`;
    throw new DirectoryLockFailedError(path, reason, { cause: flock.error });
  }
  const predecessors = lines.slice(1, KEPT_PREDECESSORS).map(guardIncarnation);
  ftruncateSync(handle, 0);
  writeSync(handle, [`pid ${process.pid}`, incarnation, ...predecessors, ''].join('\n'), 0);
  return { path, predecessors, forget: () => ftruncateSync(handle, 0) };
}

/** The same for every path that leads to the directory. */
function lockPathOf(dataDirectory: string): string {
  const path = resolve(dataDirectory);
  try {
    return `${realpathSync(path)}.matriarch-guard`;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return join(realpathSync(dirname(path)), `${basename(path)}.matriarch-guard`);
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'a+', 0o600);
  } catch (cause) {
    throw new DirectoryLockFailedError(path, `the file cannot be opened (${codeOf(cause)})`, {
      cause,
    });
  }
}
