import { DomainError } from '#libs/kernel';
import { ProcessesInDirectory } from '#libs/process';
import type { DirectoryLock } from './directory-lock.ts';

class ServerOfOthersError extends DomainError {
  readonly code = 'SERVER_OF_OTHERS';

  constructor(dataDirectory: string, pid: number) {
    super(
      `PostgreSQL runs in ${dataDirectory} (process ${pid}), and no guard has left it there: it is ` +
        "somebody else's service; stop that first, and see that no boot starts it again (systemctl disable; on Debian " +
        'also "manual" in /etc/postgresql/15/main/start.conf)',
    );
  }
}

/**
 * What runs in a directory whose guard died is what that one left, and is ended (safety 13). In a directory that
 * none ever had, or whose last one ended with all that it kept (a cluster that went back to another system), it
 * is the server of a distribution's service or of that system: users are connected to it, and ending it is for
 * their administrator to decide.
 *
 * @throws ServerOfOthersError, with the directory as it was
 */
export function refuseServerOfOthers(dataDirectory: string, lock: DirectoryLock): void {
  if (lock.predecessors.length > 0 && !lock.leftNothing) return;
  const pid = pidIn(dataDirectory);
  if (pid === null) return;
  lock.forget();
  throw new ServerOfOthersError(dataDirectory, pid);
}

/** The last word of a guard that has stopped what it kept. */
export function noteIfNothingLeft(dataDirectory: string, lock: DirectoryLock): void {
  if (pidIn(dataDirectory) === null) lock.noteNothingLeft();
}

function pidIn(dataDirectory: string): number | null {
  return new ProcessesInDirectory(dataDirectory).scan().processes[0]?.pid ?? null;
}
