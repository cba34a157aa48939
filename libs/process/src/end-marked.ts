import { signalIfSame } from './kill-all.ts';
import { isDead, ProcTable } from './proc-table.ts';

/** One that forks faster than it is found is not waited for. */
const PASSES = 10;

/**
 * SIGKILL to every process that has this variable in the environment it was started with, which is passed on to
 * whatever a program starts, also beyond its process group and session. One of another user is not seen.
 *
 * @returns how many were ended
 */
export function endMarked(name: string, value: string, proc = new ProcTable()): number {
  const mark = `${name}=${value}`;
  const startTicks = (pid: number): number | undefined => {
    const stat = proc.stat(pid);
    return stat === undefined || isDead(stat) ? undefined : stat.startTicks;
  };
  const ended = new Set<number>();
  for (let pass = 0; pass < PASSES; pass += 1) {
    const before = ended.size;
    for (const pid of proc.pids()) {
      if (pid === process.pid || ended.has(pid)) continue;
      const ticks = startTicks(pid);
      if (ticks === undefined || !proc.environment(pid).includes(mark)) continue;
      if (signalIfSame({ startTicks }, { pid, startTicks: ticks }, 'SIGKILL')) ended.add(pid);
    }
    if (ended.size === before) break;
  }
  return ended.size;
}
