import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '#libs/kernel';
import type { InstancePlan } from './plan.ts';

/** Pid of the postmaster, as PostgreSQL's own lock file names it; null when there is none alive. */
export function postmasterPid(instance: Pick<InstancePlan, 'dataDirectory'>): number | null {
  const lock = readIfPresent(join(instance.dataDirectory, 'postmaster.pid'));
  const pid = Number.parseInt(lock?.split('\n', 1)[0] ?? '', 10);
  return Number.isInteger(pid) && isAlive(pid) ? pid : null;
}

/** Pid of the guard, as its lock beside the data directory names it; a spare one has no lock. */
export function guardPid(instance: InstancePlan): number | null {
  const lock = readIfPresent(`${instance.dataDirectory}.matriarch-guard`);
  const pid = /^pid (\d+)$/m.exec(lock ?? '')?.[1];
  if (pid === undefined) return null;
  const argv = (readIfPresent(`/proc/${pid}/cmdline`) ?? '').split('\0');
  const settings = join(instance.stateDirectory, 'guard.json');
  return argv.includes(settings) && isAlive(Number(pid)) ? Number(pid) : null;
}

/** False for a zombie too: nothing it could do is left. */
export function isAlive(pid: number): boolean {
  const stat = readIfPresent(`/proc/${pid}/stat`);
  // The second field is the name in parentheses, which may itself contain some; the state follows.
  return stat !== undefined && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}

/** Every living process, but us, that names a path below `directory`: what must be gone at the end. */
export function processesIn(directory: string): { pid: number; command: string }[] {
  const found: { pid: number; command: string }[] = [];
  const own = new Set([process.pid, process.ppid]);
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || own.has(Number(entry))) continue;
    const command = (readIfPresent(`/proc/${entry}/cmdline`) ?? '').replaceAll('\0', ' ').trim();
    if (command.includes(`${directory}/`) && isAlive(Number(entry))) {
      found.push({ pid: Number(entry), command });
    }
  }
  return found;
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const gone = ['ENOENT', 'ESRCH', 'EACCES'];
    if (gone.includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}
