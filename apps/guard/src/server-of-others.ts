import { DomainError } from '#libs/kernel';
import { ProcessesInDirectory } from '#libs/process';
import type { DirectoryLock } from './directory-lock.ts';

class ServerOfOthersError extends DomainError {
  readonly code = 'SERVER_OF_OTHERS';

  constructor(dataDirectory: string, pid: number) {
    super(
      `PostgreSQL runs in ${dataDirectory} (process ${pid}), and no guard ever had this directory: it is ` +
        'somebody else\'s service; stop and disable that first, for example "systemctl disable --now postgresql@15-main"',
    );
  }
}

/**
 * What runs in a directory that guards had before is what a dead one left, and is ended (safety 13). In a
 * directory that none ever had, it is the server of a distribution's service or of another system: users
 * are connected to it, and ending it is for their administrator to decide.
 *
 * @throws ServerOfOthersError, with the directory as it was
 */
export function refuseServerOfOthers(dataDirectory: string, lock: DirectoryLock): void {
  if (lock.predecessors.length > 0) return;
  const [found] = new ProcessesInDirectory(dataDirectory).scan().processes;
  if (found === undefined) return;
  lock.forget();
  throw new ServerOfOthersError(dataDirectory, found.pid);
}
