import { DomainError } from '#libs/kernel';
import { isDead, ProcTable, readPostmasterPid, signalIfSame } from '#libs/process';

export class NotRunningError extends DomainError {
  readonly code = 'POSTGRES_NOT_RUNNING';

  constructor(dataDirectory: string) {
    super(`no postmaster runs on ${dataDirectory}`);
  }
}

/**
 * SIGHUP to the postmaster, which rereads its files and tells its children.
 *
 * @returns the postmaster's pid
 * @throws NotRunningError
 */
export function reload(dataDirectory: string, proc = new ProcTable()): number {
  const pid = readPostmasterPid(dataDirectory)?.pid;
  const stat = pid === undefined ? undefined : proc.stat(pid);
  if (stat === undefined || isDead(stat)) throw new NotRunningError(dataDirectory);
  const startTicks = (of: number): number | undefined => proc.stat(of)?.startTicks;
  if (!signalIfSame({ startTicks }, stat, 'SIGHUP')) throw new NotRunningError(dataDirectory);
  return stat.pid;
}
