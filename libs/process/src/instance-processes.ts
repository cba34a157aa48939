import type { ProcessStat } from './proc-table.ts';

export type InstanceProcess = ProcessStat & {
  /** PostgreSQL writes what a process is and does into its command line. */
  readonly title: string;
};

export type ProcessScan = {
  /** Living processes only: state Z is dead, nothing it could do is left. */
  readonly processes: readonly InstanceProcess[];
  /**
   * PostgreSQL processes of which the kernel does not tell whether they belong to the instance; looked
   * for only when `processes` is empty.
   */
  readonly unreadable: readonly number[];
};

/** Port: how the processes of one instance are found. */
export interface InstanceProcesses {
  scan(): ProcessScan;
  /** Start time of a living process, read now; `undefined` when it is dead. */
  startTicks(pid: number): number | undefined;
  /** From now on wherever their directory is moved to; `unfollow` once none is left. */
  follow?(): void;
  unfollow?(): void;
}
