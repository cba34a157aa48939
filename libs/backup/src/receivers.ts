import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '#libs/kernel';
import { isDead, type ProcessIdentity, ProcTable } from '#libs/process';
import { SourceError } from './rebuild-tool.ts';

const POLL_MS = 20;
const LIMIT_MS = 30_000;

/**
 * Ends each rsync on this host that receives into a directory below `directory`, and waits for its end. Barman's REST
 * API has no other way to end what it pushes, and its recovery goes on when our agent is killed.
 *
 * @throws SourceError when one does not end
 */
export async function endReceivers(directory: string, proc = new ProcTable()): Promise<void> {
  const ended = receivers(proc, realPath(directory)).filter(({ pid }) => terminate(pid));
  const begunMs = performance.now();
  for (;;) {
    const left = ended.filter((one) => lives(proc, one)).map(({ pid }) => pid);
    if (left.length === 0) return;
    if (performance.now() - begunMs > LIMIT_MS) {
      const text = `rsync (process ${left.join(', ')}) writes into ${directory} and does not end on SIGTERM: end it by hand`;
      throw new SourceError(text);
    }
    await delay(POLL_MS);
  }
}

/** Told by where it works: Barman has rsync pass no names on the command line (`-s`). */
function receivers(proc: ProcTable, directory: string): readonly ProcessIdentity[] {
  return proc.pids().flatMap((pid) => {
    if (!proc.title(pid).includes('rsync --server')) return [];
    const at = proc.cwd(pid);
    // Of a directory that was removed the kernel says the name that it had.
    if (at.kind !== 'target' || !at.path.startsWith(`${directory}/`)) return [];
    return proc.stat(pid) ?? [];
  });
}

/** As the kernel tells where a process works; what is not there any more is named below what is. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return join(realPath(dirname(path)), basename(path));
  }
}

function terminate(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGTERM');
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}

function lives(proc: ProcTable, { pid, startTicks }: ProcessIdentity): boolean {
  const stat = proc.stat(pid);
  return !isDead(stat) && stat?.startTicks === startTicks;
}
