import { realpathSync } from 'node:fs';
import { codeOf } from '#libs/kernel';
import { ProcTable } from '#libs/process';

/** Whether the process works in the data directory, by whatever path or symbolic link that is given. */
export function standsIn(pid: number, dataDirectory: string, proc = new ProcTable()): boolean {
  const cwd = proc.cwd(pid);
  return cwd.kind === 'target' && cwd.path === realpathIfThere(dataDirectory);
}

/** As `/proc` names it for the processes that stand there. */
export function realpathIfThere(path: string): string | null {
  try {
    return realpathSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
