import { closeSync, constants, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { codeOf } from '#libs/kernel';
import type { InstanceProcess, InstanceProcesses, ProcessScan } from './instance-processes.ts';
import { isDead, ProcTable } from './proc-table.ts';

/** The processes of an instance that has a cgroup (version 2) to itself, groups below it included. */
export class ProcessesInCgroup implements InstanceProcesses {
  constructor(
    /** Such as `/sys/fs/cgroup/matriarch.slice/pg1`. */
    readonly cgroupDirectory: string,
    readonly proc = new ProcTable(),
  ) {}

  scan(): ProcessScan {
    const processes: InstanceProcess[] = [];
    for (const pid of this.#pids(this.cgroupDirectory)) {
      if (pid === process.pid) continue;
      const stat = this.proc.stat(pid);
      if (stat === undefined || isDead(stat)) continue;
      processes.push({ ...stat, title: this.proc.title(pid) });
    }
    return { processes, unreadable: [] };
  }

  startTicks(pid: number): number | undefined {
    const stat = this.proc.stat(pid);
    return stat === undefined || isDead(stat) ? undefined : stat.startTicks;
  }

  /** Linux 5.14 and later; must not be used while this process is in the group itself. */
  killAtOnce(): boolean {
    if (this.#pids(this.cgroupDirectory).includes(process.pid)) return false;
    try {
      const handle = openSync(`${this.cgroupDirectory}/cgroup.kill`, constants.O_WRONLY);
      try {
        writeSync(handle, '1');
      } finally {
        closeSync(handle);
      }
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EACCES') return false;
      throw error;
    }
  }

  #pids(directory: string): number[] {
    try {
      const own = readFileSync(`${directory}/cgroup.procs`, 'utf8').split('\n').filter(Boolean);
      const below = readdirSync(directory, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .flatMap((entry) => this.#pids(`${directory}/${entry.name}`));
      return [...own.map(Number), ...below];
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENODEV') return [];
      throw error;
    }
  }
}
