import { ProcTable } from '#libs/process';

/** Not the shell that waits to kill a tool's group: it copies nothing, and ends a moment after the tool. */
const WATCHER = 'sh -c (trap ';

/** The command lines of what copies into these directories: it names one, or works in one (Barman has rsync pass no names). */
export function copyingInto(...directories: readonly string[]): readonly string[] {
  const proc = new ProcTable();
  return proc
    .pids()
    .filter((pid) => {
      const [title, at] = [proc.title(pid), proc.cwd(pid)];
      if (title.startsWith(WATCHER)) return false;
      const isIn = (directory: string) =>
        title.includes(directory) || (at.kind === 'target' && at.path.startsWith(directory));
      return directories.some(isIn);
    })
    .map((pid) => proc.title(pid));
}
