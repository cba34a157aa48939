import { spawn, spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, realpathSync, writeSync } from 'node:fs';
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
  /** The youngest of them saw the last process of the instance go: what runs now is not left of it. */
  readonly leftNothing: boolean;
  /** As if this guard had never had the directory. */
  readonly forget: () => void;
  /** This guard ends, and nothing of the instance runs any more. */
  readonly noteNothingLeft: () => void;
  /** Another guard may have it now. */
  readonly release: () => void;
};

const KEPT_PREDECESSORS = 16;
/** In the place of the holder's pid. */
const NOTHING_LEFT = 'nothing left';
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
  if (flock.status === FLOCK_BUSY_EXIT_CODE) {
    throw new DirectoryLockedError(path, linesOf(path)[0] ?? 'unknown');
  }
  if (flock.status !== 0) {
    const reason = flock.error?.message ?? `flock ended with ${flock.status ?? flock.signal}`;
    throw new DirectoryLockFailedError(path, reason, { cause: flock.error });
  }
  return taken(path, handle, incarnation);
}

/**
 * The same, however long another guard has it; costs nothing meanwhile.
 *
 * @throws DirectoryLockFailedError, also when `signal` is aborted
 */
export async function awaitDirectoryLock(
  dataDirectory: string,
  incarnation: GuardIncarnation,
  signal: AbortSignal,
): Promise<DirectoryLock> {
  const path = lockPathOf(dataDirectory);
  const handle = open(path);
  const flock = spawn('flock', ['--exclusive', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', handle],
    cwd: '/',
    signal,
  });
  const failure = await new Promise<string | null>((resolve) => {
    flock.once('error', (error) => resolve(error.message));
    flock.once('exit', (code, by) => resolve(code === 0 ? null : `flock ended with ${code ?? by}`));
  });
  if (failure === null) return taken(path, handle, incarnation);
  closeSync(handle);
  throw new DirectoryLockFailedError(path, failure);
}

/** The guard that has the directory, while one has it. */
export function holderPid(dataDirectory: string): number | null {
  const pid = Number(/^pid (\d+)$/.exec(linesOf(lockPathOf(dataDirectory))[0] ?? '')?.[1]);
  return pid > 0 ? pid : null;
}

function taken(path: string, handle: number, incarnation: GuardIncarnation): DirectoryLock {
  const [before, ...names] = linesOf(path);
  const predecessors = names.slice(0, KEPT_PREDECESSORS - 1).map(guardIncarnation);
  const write = (first: string): void => {
    ftruncateSync(handle, 0);
    writeSync(handle, [first, incarnation, ...predecessors, ''].join('\n'), 0);
  };
  write(`pid ${process.pid}`);
  return {
    path,
    predecessors,
    leftNothing: before === NOTHING_LEFT,
    forget: () => ftruncateSync(handle, 0),
    noteNothingLeft: () => write(NOTHING_LEFT),
    release: () => closeSync(handle),
  };
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').filter(Boolean);
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
