import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { codeOf } from '#libs/kernel';

/** One process as the kernel shows it. `pid` alone can be used again; with `startTicks` it cannot. */
export type ProcessIdentity = {
  readonly pid: number;
  /** Clock ticks after boot (field 22 of `/proc/PID/stat`). */
  readonly startTicks: number;
};

export type ProcessStat = ProcessIdentity & {
  readonly command: string;
  /** One letter of the kernel: R, S, D, T, Z ... Z and X are dead. */
  readonly state: string;
  readonly parentPid: number;
};

export type Readlink =
  | { readonly kind: 'target'; readonly path: string }
  | { readonly kind: 'gone' }
  | { readonly kind: 'forbidden' };

/** `/proc`, or a directory that a test made to look like it. */
export class ProcTable {
  constructor(readonly root = '/proc') {}

  pids(): number[] {
    const pids: number[] = [];
    for (const name of readdirSync(this.root)) {
      const first = name.charCodeAt(0);
      if (first >= 0x30 && first <= 0x39) pids.push(Number(name));
    }
    return pids;
  }

  stat(pid: number): ProcessStat | undefined {
    const text = this.#read(`${pid}/stat`);
    return text === undefined ? undefined : parseProcStat(text);
  }

  /** The command line, or what a PostgreSQL process has written over it: its title. */
  title(pid: number): string {
    return (this.#read(`${pid}/cmdline`) ?? '').replace(/\0+$/, '').replaceAll('\0', ' ');
  }

  /** What it was started with, `NAME=value` each; nothing of a process that we may not look into. */
  environment(pid: number): readonly string[] {
    try {
      return (this.#read(`${pid}/environ`) ?? '').split('\0');
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EACCES' || code === 'EPERM') return [];
      throw error;
    }
  }

  status(pid: number): string | undefined {
    return this.#read(`${pid}/status`);
  }

  cwd(pid: number): Readlink {
    try {
      return { kind: 'target', path: readlinkSync(`${this.root}/${pid}/cwd`) };
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EACCES' || code === 'EPERM') return { kind: 'forbidden' };
      if (isGone(code)) return { kind: 'gone' };
      throw error;
    }
  }

  /** Under whose rights the process runs: so the kernel says for the directory, whoever may look into it. */
  ownerUid(pid: number): number | undefined {
    try {
      return statSync(`${this.root}/${pid}`, { throwIfNoEntry: false })?.uid;
    } catch (error) {
      if (isGone(codeOf(error))) return undefined;
      throw error;
    }
  }

  #read(path: string): string | undefined {
    try {
      return readFileSync(`${this.root}/${path}`, 'utf8');
    } catch (error) {
      if (isGone(codeOf(error))) return undefined;
      throw error;
    }
  }
}

/** The command stands in brackets and may hold brackets and spaces itself. */
export function parseProcStat(text: string): ProcessStat | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  const rest = text.slice(close + 2).split(' ');
  const state = rest[0];
  if (state === undefined) return undefined;
  return {
    pid: Number(text.slice(0, open)),
    command: text.slice(open + 1, close),
    state,
    parentPid: Number(rest[1]),
    startTicks: Number(rest[19]),
  };
}

export function isDead(stat: ProcessStat | undefined): boolean {
  return stat === undefined || stat.state === 'Z' || stat.state === 'X';
}

function isGone(code: string | undefined): boolean {
  return code === 'ENOENT' || code === 'ESRCH';
}
