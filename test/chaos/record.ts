import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Mode } from '../../bench/failover/fault.ts';
import { loadAverage } from '../../bench/shared/machine.ts';

/** The one line of JSON that a run prints. */
export type ChaosReport = {
  readonly mode: Mode;
  readonly seed: number;
  readonly minutes: number;
  readonly faults: number;
  readonly acknowledged: number;
  readonly dual: number;
  /** Null when there was nobody left to count at. */
  readonly lost: number | null;
  readonly lostBytes: number | null;
  readonly limitBytes: number;
  readonly maxGapMs: number;
  /** What of the promise was broken, or what kept the run from its end. */
  readonly broken?: string;
};

const HEADING = '## Chaos on real PostgreSQL';
const HEADER = [
  '| date | mode | seed | minutes | faults | acknowledged | dual | lost rows | lost bytes | longest gap s | load | result |',
  '|---|---|---|---|---|---|---|---|---|---|---|---|',
];
const ABOUT = [
  '`npm run chaos -- --minutes N --mode async|sync|quorum --seed S` (as root) draws overlapping faults from the seed and inflicts them on six hosts in',
  'network namespaces, each database on a small disk of its own; between rounds the cluster must become whole within 90 s. Each run adds its line.',
];

/** Adds the run to the table of docs/testing.md. */
export function recordRun(
  path: string,
  report: ChaosReport,
  kinds: ReadonlyMap<string, number>,
): void {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const row = rowOf(report, kinds);
  if (!text.includes(HEADING)) {
    const part = [HEADING, '', ...ABOUT, '', ...HEADER, row, ''];
    writeFileSync(path, `${text.trimEnd()}\n\n${part.join('\n')}`);
    return;
  }
  const lines = text.split('\n');
  let at = lines.indexOf(HEADING) + 1;
  while (!lines[at]?.startsWith('|')) at += 1;
  while (lines[at]?.startsWith('|')) at += 1;
  writeFileSync(path, [...lines.slice(0, at), row, ...lines.slice(at)].join('\n'));
}

function rowOf(report: ChaosReport, kinds: ReadonlyMap<string, number>): string {
  const { mode, seed, minutes, faults, acknowledged, dual, lost, lostBytes, maxGapMs } = report;
  const listed = [...kinds].toSorted().map(([kind, count]) => `${kind} ${count}`);
  const cells = [
    ...[new Date().toISOString().slice(0, 10), mode, seed, minutes],
    `${faults}: ${listed.join(', ')}`,
    ...[acknowledged.toLocaleString('en-US'), dual],
    ...[lost, lostBytes].map((count) => count?.toLocaleString('en-US') ?? 'not counted'),
    ...[(maxGapMs / 1_000).toFixed(1), loadAverage(), report.broken ?? 'held'],
  ];
  return `| ${cells.join(' | ')} |`;
}
