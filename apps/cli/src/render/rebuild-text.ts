import { bytesText, type InstanceView, type PreflightAnswer } from '#libs/api';
import type { Terminal } from '../terminal.ts';
import { columns } from './columns.ts';

type Rebuild = NonNullable<InstanceView['rebuild']>;

const BAR_CHARS = 24;
const HEADS = [
  { head: 'METHOD' },
  { head: '' },
  { head: 'SIZE', align: 'right' as const },
  { head: 'ABOUT', align: 'right' as const },
  { head: 'SOURCE, OR WHY NOT' },
];

/** `pgbackrest  [#####...............]  23 %  1.1 GB of 4.8 GB, 90 MB/s, 42 s left`. */
export function progressLine(rebuild: Rebuild): string {
  const { method, phase, doneBytes, totalBytes, bytesPerSecond, secondsLeft } = rebuild;
  if (method === null) return phase;
  if (phase !== 'copying' || totalBytes === null || totalBytes === '0')
    return `${method}: ${phase}`;
  const done = BigInt(doneBytes);
  const total = BigInt(totalBytes);
  const ratio = Math.min(1, Number(done) / Number(total));
  const filled = Math.round(ratio * BAR_CHARS);
  const bar = `${'#'.repeat(filled)}${'.'.repeat(BAR_CHARS - filled)}`;
  const rate = bytesPerSecond === null ? '' : `, ${bytesText(BigInt(bytesPerSecond))}/s`;
  const left = secondsLeft === null ? '' : `, ${secondsLeft} s left`;
  const percent = String(Math.floor(ratio * 100)).padStart(3);
  return `${method} [${bar}] ${percent} %  ${bytesText(done)} of ${bytesText(total)}${rate}${left}`;
}

/** One line a method: whether it would work, what it would copy, how long, and why not. */
export function preflightTable({ methods }: PreflightAnswer, terminal: Terminal): string {
  const { green, red } = terminal.colors;
  const rows = methods.map(({ method, ok, detail, bytes, estimateSeconds, listed }) => [
    method,
    ok ? green('ok') : red('no'),
    bytes === null ? '' : bytesText(BigInt(bytes)),
    estimateSeconds === null ? '' : durationText(estimateSeconds),
    ok && !listed ? `${detail} (only with --method ${method})` : detail,
  ]);
  return columns(HEADS, rows, terminal.colors).join('\n');
}

function durationText(seconds: number): string {
  return seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
