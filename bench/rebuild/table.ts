import { machineText } from '../shared/machine.ts';
import { median } from '../shared/median.ts';
import { BENCH_SETTINGS, METHODS, type MeasuredCopy, type Method } from './measured.ts';

export type Row = {
  readonly method: Method;
  /** Null: measured by us alone. */
  readonly toolMs: number | null;
  readonly oursMs: number | null;
  readonly runs: number;
  /** Of the primary. */
  readonly maxWalSize: string;
  readonly days: readonly string[];
  /** Of the machine, the least and the most before a run: above 2 other work ran beside it. */
  readonly load: { readonly least: number; readonly most: number };
};

/** Ours may add this much to the tool's own time, whichever is more. */
const SHARE = 0.05;
const ADDED_MS = 3_000;
/** From the start of its agent until an old primary streams again. */
const REJOIN_MS = 5_000;

/** Medians, of the largest database that was measured. */
export function rowsOf(copies: readonly MeasuredCopy[]): readonly Row[] {
  const databaseMb = Math.max(0, ...copies.map((copy) => copy.databaseMb));
  const counted = copies.filter((copy) => copy.databaseMb === databaseMb);
  return METHODS.flatMap((method) => {
    const [tool, ours] = (['tool', 'ours'] as const).map((by) =>
      counted.filter((copy) => copy.method === method && copy.by === by).map(({ ms }) => ms),
    );
    if (ours === undefined || tool === undefined || ours.length === 0) return [];
    const toolMs = tool.length === 0 ? null : median(tool);
    const own = counted.filter((copy) => copy.method === method);
    const maxWalSize = [...new Set(own.map(walSizeOf))].join(', ');
    const days = [...new Set(own.map(({ at }) => at.slice(0, 10)))].sort();
    const loads = own.map(({ load }) => load);
    const load = { least: Math.min(...loads), most: Math.max(...loads) };
    const runs = ours.length;
    return [{ method, toolMs, oursMs: median(ours), runs, maxWalSize, days, load }];
  });
}

export function isWithinGoal({ toolMs, oursMs }: Row): boolean {
  if (oursMs === null) return false;
  return oursMs <= (toolMs === null ? REJOIN_MS : toolMs + Math.max(toolMs * SHARE, ADDED_MS));
}

/** The part of docs/benchmarks.md that `bench:rebuild` writes. */
export function rebuildTable(copies: readonly MeasuredCopy[]): string {
  const databaseMb = Math.max(0, ...copies.map((copy) => copy.databaseMb));
  const counted = copies.filter((copy) => copy.databaseMb === databaseMb);
  const { shared_buffers: buffers, max_connections: connections } = BENCH_SETTINGS;
  return [
    '## Building a standby anew (`npm run bench:rebuild`)',
    '',
    `${machineText()}. A database of ${databaseMb} MiB on`,
    'PostgreSQL 15, all on one disk. Load: of the machine before each run, from all that ran there, an earlier run of the benchmark counted; rows of',
    'different load or `max_wal_size` are not to be compared with each other, tool and ours of one row are: they were run in turns. Tool: its own command into an empty directory, until it ends; nothing is started. Ours: from the',
    'order until the standby streams, with the proof of the source before and of the copy after. pg_rewind: from the start of',
    "the old primary's agent after a failover until it streams. Medians in ms; the goal is the tool's time and 5 % or 3 s more, 5 s for pg_rewind.",
    'By itself pg_basebackup brings one file after another to the disk; with us the file system is synced with one call.',
    `Settings of the primary: \`shared_buffers = ${buffers}\`, \`max_connections = ${connections}\`, \`max_wal_size\` below; the rest PostgreSQL's and Matriarch's own. pgBackRest 2.45 from a repository over TLS, gz level 1,`,
    'one process; Barman 3.4 by rsync over SSH, backup method postgres; all of it on this machine and its one disk. walg: Debian has no WAL-G, and',
    'the program is the stand-in of the tests, whose own speed says nothing; what we add does. custom: a script with a `pg_basebackup` without WAL.',
    '',
    '| method | runs | measured | load | `max_wal_size` | tool ms | ours ms | added ms | goal |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rowsOf(counted).map(line),
  ].join('\n');
}

function walSizeOf({ maxWalSize = '1GB' }: MeasuredCopy): string {
  return maxWalSize;
}

function line(row: Row): string {
  const { method, runs, days, load, maxWalSize, toolMs, oursMs } = row;
  const added = toolMs === null || oursMs === null ? null : oursMs - toolMs;
  const beside = `${load.least} to ${load.most}`;
  const where = [method, runs, days.join(', '), beside, maxWalSize];
  const cells = [...where, text(toolMs), text(oursMs), text(added)];
  return `| ${[...cells, isWithinGoal(row) ? 'met' : 'missed'].join(' | ')} |`;
}

function text(ms: number | null): string {
  return ms === null ? '' : Math.round(ms).toLocaleString('en-US');
}
