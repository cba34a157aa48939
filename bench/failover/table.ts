import { machineText } from '../shared/machine.ts';
import { FAULTS, MODES, SYSTEMS } from './fault.ts';
import { type Row, rowsOf } from './rows.ts';
import type { MeasuredRun } from './runs-file.ts';

const SYSTEM_TEXT: Readonly<Record<string, string>> = {
  matriarch: 'Matriarch',
  patroni: 'Patroni 30/10/10',
  'patroni-fast': 'Patroni 20/1/3',
  pgaf: 'pg_auto_failover',
};
const HEADER =
  '| fault | system | mode | runs | gap p50 / p99 ms | dual | lost | ratio to ours | load |';

/** The part of docs/benchmarks.md that `bench:failover` writes, without its picture. */
export function failoverTable(runs: readonly MeasuredRun[], picture: string): string {
  const dates = runs.map(({ at }) => at.slice(0, 10)).toSorted();
  const rows = rowsOf(runs);
  return [
    '## Failover against Patroni and pg_auto_failover (`npm run bench:failover`)',
    '',
    `${span(dates[0] ?? '-', dates.at(-1) ?? '-')}, ${machineText()}. Three database hosts and three`,
    'consensus hosts as network namespaces of this one machine. Debian 12: Patroni 3.0.2 (ttl/loop_wait/retry_timeout as',
    'named), etcd 3.4.23, pg_auto_failover 2.0, PostgreSQL 15; ours with default settings. A client writes to every host every',
    '10 ms; gap: longest time without an acknowledged commit; dual, lost: acknowledged rows, all runs together; ratio: their',
    'p50 by ours, of the same mode; load: average of the machine before the runs. Managers and processes of the peers are',
    'started again when the outage is over (Patroni’s unit says `Restart=no`), ours after half a second, as its unit says.',
    'Faults come at random moments between two renewals (0.4 s apart; Patroni’s loop_wait, 5 s of pg_auto_failover).',
    '',
    HEADER,
    HEADER.replaceAll(/[^|]+/g, '---'),
    ...ordered(rows).map((row) => line(row, rows, runs)),
    '',
    `![Phases of our outages](${picture})`,
  ].join('\n');
}

function ordered(rows: readonly Row[]): readonly Row[] {
  const faults: readonly string[] = ['bootstrap', ...FAULTS];
  const modes: readonly string[] = MODES;
  const systems: readonly string[] = SYSTEMS;
  const place = ({ fault, system, mode }: Row): number =>
    faults.indexOf(fault) * 100 + modes.indexOf(mode) * 10 + systems.indexOf(system);
  return rows.toSorted((a, b) => place(a) - place(b));
}

function line(row: Row, rows: readonly Row[], runs: readonly MeasuredRun[]): string {
  const { system, mode, fault } = row;
  const ours = rows.find((other) => {
    return other.system === 'matriarch' && other.mode === mode && other.fault === fault;
  });
  const ratio = ours === undefined || ours === row ? '' : (row.gapP50Ms / ours.gapP50Ms).toFixed(1);
  const loads = runs
    .filter((run) => run.system === system && run.mode === mode && run.fault === fault)
    .map(({ load }) => load);
  const load = span(Math.min(...loads), Math.max(...loads));
  const gap = `${ms(row.gapP50Ms)} / ${ms(row.gapP99Ms)}`;
  const name = SYSTEM_TEXT[system] ?? system;
  const cells = [fault, name, mode, row.runs, gap, ms(row.dual), ms(row.lost), ratio, load];
  return `| ${cells.join(' | ')} |`;
}

function ms(value: number): string {
  return value.toLocaleString('en-US');
}

function span(from: string | number, to: string | number): string {
  return from === to ? String(from) : `${from} to ${to}`;
}
