import { closeSync, constants, openSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { codeOf } from '#libs/kernel';
import type { InstanceProcess, InstanceProcesses, ProcessScan } from './instance-processes.ts';
import { isDead, ProcTable } from './proc-table.ts';

/**
 * The processes of an instance, found by their working directory: PostgreSQL's processes all stand in
 * the data directory, also the orphans of a killed postmaster, which a walk of the process tree
 * misses (safety 1). Reads only `/proc`, so a hung disk does not hold it up.
 *
 * Not by cgroup: whoever starts the guard decides whether there is one, and a process may leave it. Who leaves the
 * directory can open none of PostgreSQL's files, whose names are relative to it; while such a one has the shared
 * memory attached, `proveDown` does not call the instance down.
 *
 * An outage waits for this, and most processes of a host are others': they are told by their owner. The
 * kernel names the true one for the directory of a process, also of one that it lets nobody look into.
 */
export class ProcessesInDirectory implements InstanceProcesses {
  readonly #directory: string;
  #followed: number | null = null;

  constructor(
    readonly dataDirectory: string,
    readonly proc = new ProcTable(),
    /** Whose processes the kernel lets us look into; root's are all. */
    readonly uid = process.getuid?.() ?? 0,
  ) {
    this.#directory = canonical(dataDirectory);
  }

  /**
   * Held open, so that the kernel tells where it is: somebody may rename a data directory beneath a running
   * PostgreSQL, which goes on in it, or point the link that names it elsewhere.
   */
  follow(): void {
    this.unfollow();
    this.#followed = openSync(this.dataDirectory, constants.O_RDONLY | constants.O_DIRECTORY);
  }

  /** What is held open could not be unmounted. */
  unfollow(): void {
    if (this.#followed !== null) closeSync(this.#followed);
    this.#followed = null;
  }

  scan(): ProcessScan {
    const followed = this.#followedPath();
    const processes: InstanceProcess[] = [];
    const forbidden: number[] = [];
    for (const pid of this.proc.pids()) {
      if (pid === process.pid) continue;
      if (this.uid !== 0 && this.proc.ownerUid(pid) !== this.uid) continue;
      const cwd = this.proc.cwd(pid);
      if (cwd.kind === 'forbidden') forbidden.push(pid);
      if (cwd.kind !== 'target') continue;
      if (cwd.path !== followed && !this.#isOurs(cwd.path)) continue;
      const stat = this.proc.stat(pid);
      if (stat === undefined || isDead(stat)) continue;
      processes.push({ ...stat, title: this.proc.title(pid) });
    }
    // Hidden processes matter to the proof that none is left; looking costs as much again.
    const unreadable =
      processes.length > 0 ? [] : forbidden.filter((pid) => this.#mayBeHidden(pid));
    return { processes, unreadable };
  }

  startTicks(pid: number): number | undefined {
    const stat = this.proc.stat(pid);
    return stat === undefined || isDead(stat) ? undefined : stat.startTicks;
  }

  /** As `/proc` shows it for processes that stand there, a removed one too. */
  #followedPath(): string | null {
    return this.#followed === null ? null : readlinkSync(`/proc/self/fd/${this.#followed}`);
  }

  #isOurs(cwd: string): boolean {
    return cwd === this.#directory || cwd === `${this.#directory} (deleted)`;
  }

  /** A PostgreSQL process that we may not inspect although it runs under our uid: its program has file capabilities, say. */
  #mayBeHidden(pid: number): boolean {
    const command = this.proc.stat(pid)?.command;
    if (command !== 'postgres' && command !== 'postmaster') return false;
    const ownerUid = this.proc.ownerUid(pid);
    return ownerUid === 0 || ownerUid === this.uid;
  }
}

/** The path as `/proc` shows it; a directory that is not there yet is resolved through its parent. */
function canonical(directory: string): string {
  const path = resolve(directory);
  try {
    return realpathSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return path === '/' ? path : join(canonical(dirname(path)), basename(path));
  }
}
