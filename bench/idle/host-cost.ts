import { readFileSync } from 'node:fs';
import { codeOf } from '#libs/kernel';
import type { HostNetwork } from '../../test/hosts/host-network.ts';
import { ip } from '../../test/hosts/namespaces.ts';

/** What runs on one host beside PostgreSQL, at one moment. */
export type HostCost = {
  readonly cpuMs: number;
  readonly pssKib: number;
  /** Name and PSS of each process, for whoever wants to know what the sum is made of. */
  readonly processes: readonly { readonly what: string; readonly pssKib: number }[];
};

/** In /proc/PID/stat, counted from after the name; then comes that of the kernel. */
const UTIME_AT = 11;
const MS_PER_CLOCK_TICK = 10;
const POSTGRES = /^(\S*\/)?postgres(:| |$)/;

/** Every process of the host that is not PostgreSQL's own. */
export async function costOf(network: HostNetwork, host: string): Promise<HostCost> {
  const { stdout } = await ip('netns', 'pids', network.host(host).namespace ?? '');
  const pids = stdout.split('\n').filter((line) => line !== '');
  const seen = pids.flatMap((pid) => look(pid) ?? []);
  return {
    cpuMs: seen.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    pssKib: seen.reduce((sum, { pssKib }) => sum + pssKib, 0),
    processes: seen.map(({ what, pssKib }) => ({ what, pssKib })),
  };
}

/** Null for PostgreSQL, and for what has ended meanwhile. */
function look(pid: string) {
  try {
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    if (POSTGRES.test(argv[0] ?? '')) return null;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[UTIME_AT]) + Number(fields[UTIME_AT + 1]);
    const memory = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const pssKib = Number(/^Pss:\s+(\d+) kB/m.exec(memory)?.[1] ?? 0);
    return { what: nameOf(argv), cpuMs: ticks * MS_PER_CLOCK_TICK, pssKib };
  } catch (error) {
    const gone = ['ENOENT', 'ESRCH'];
    if (gone.includes(codeOf(error) ?? '')) return null;
    throw error;
  }
}

function nameOf(argv: readonly string[]): string {
  const program = argv.find((word) => /apps\/(agent|guard|controller)/.test(word)) ?? argv[0] ?? '';
  const name = /apps\/(\w+)/.exec(program)?.[1] ?? program.split('/').at(-1) ?? '';
  return argv.includes('--spare') ? `${name} (spare)` : name;
}
