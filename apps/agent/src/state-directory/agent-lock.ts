import { spawnSync } from 'node:child_process';
import { ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, DomainError } from '#libs/kernel';

/** Another agent works with the state directory. */
class AgentRunsError extends DomainError {
  readonly code = 'AGENT_RUNS';

  constructor(stateDirectory: string, holder: string) {
    super(
      `another agent (${holder}) has the state directory ${stateDirectory}: end that one, ` +
        'or give this one a stateDirectory and a dataDirectory of its own',
    );
  }
}

class AgentLockFailedError extends DomainError {
  readonly code = 'AGENT_LOCK_FAILED';

  constructor(path: string, reason: string, options?: { cause?: unknown }) {
    super(`cannot lock ${path}: ${reason}`, options);
  }
}

/** One that was just killed may hold its lock for as long as its last thread runs. */
const DYING_HOLDER_MS = 2_000;
const FLOCK_LIMIT_MS = 2_000;
const FLOCK_BUSY_EXIT_CODE = 1;

/**
 * One agent for a state directory, from its start to its end, however it ends. A second one would take the
 * guard's connection away from the first, which takes it back, and each would undo what the other did.
 *
 * @throws AgentRunsError, AgentLockFailedError
 */
export function lockStateDirectory(
  stateDirectory: string,
  who: string,
  waitMs = DYING_HOLDER_MS,
): void {
  const path = join(stateDirectory, 'agent.lock');
  const handle = openSync(path, 'a+', 0o600);
  // `flock` locks the open file that it inherits; the lock stays with our handle when it exits.
  const flock = spawnSync('flock', ['--exclusive', '--timeout', `${waitMs / 1_000}`, '3'], {
    stdio: ['ignore', 'ignore', 'ignore', handle],
    cwd: '/',
    timeout: waitMs + FLOCK_LIMIT_MS,
  });
  if (flock.status === FLOCK_BUSY_EXIT_CODE) {
    throw new AgentRunsError(stateDirectory, readFileSync(path, 'utf8').trim() || 'unknown');
  }
  if (flock.status !== 0) {
    const reason = flock.error?.message ?? `flock ended with ${flock.status ?? flock.signal}`;
    throw new AgentLockFailedError(path, reason, { cause: flock.error });
  }
  try {
    ftruncateSync(handle, 0);
    writeSync(handle, `${who}, pid ${process.pid}\n`, 0);
  } catch (error) {
    // Who holds the lock is only told to the second one; on a full disk the agent is needed all the more.
    if (codeOf(error) !== 'ENOSPC') throw error;
  }
}
