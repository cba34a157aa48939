import { type InstanceView, type PreflightAnswer } from '#libs/api';
import { bytesText } from '#libs/kernel';
import type { Terminal } from '../terminal.ts';
import { columns } from './columns.ts';

type Rebuild = NonNullable<InstanceView['rebuild']>;

const BAR_CHARS = 24;
const BAR_CHARS_MIN = 8;
const HEADS = [
  { head: 'METHOD' },
  { head: '' },
  { head: 'SIZE', align: 'right' as const },
  { head: 'ABOUT', align: 'right' as const },
  { head: 'SOURCE, OR WHY NOT' },
];

/** `pgbackrest  [#####...............]  23 %  1.1 GB of 4.8 GB, 90 MB/s, 42 s left`; the bar gives way to the figures. */
export function progressLine(rebuild: Rebuild, width: number): string {
  const { method, phase, doneBytes, totalBytes, bytesPerSecond, secondsLeft } = rebuild;
  if (method === null) return phase;
  if (phase !== 'copying' || totalBytes === '0') return `${method}: ${phase}`;
  const done = BigInt(doneBytes);
  const rate = bytesPerSecond === null ? '' : `, ${bytesText(BigInt(bytesPerSecond))}/s`;
  if (totalBytes === null) return `${method}: ${phase}, ${bytesText(done)} so far${rate}`;
  const total = BigInt(totalBytes);
  const ratio = Math.min(1, Number(done) / Number(total));
  const left = secondsLeft === null ? '' : `, ${secondsLeft} s left`;
  const percent = String(Math.floor(ratio * 100)).padStart(3);
  const told = `${percent} %  ${bytesText(done)} of ${bytesText(total)}${rate}${left}`;
  const room = width - method.length - told.length - ' [] '.length;
  const chars = Math.max(BAR_CHARS_MIN, Math.min(BAR_CHARS, room));
  const filled = Math.round(ratio * chars);
  return `${method} [${'#'.repeat(filled)}${'.'.repeat(chars - filled)}] ${told}`;
}

type MethodPreflight = PreflightAnswer['methods'][number];

/** Of each method whether it would work, what it would copy, how long, and why not; beneath it whatever else was looked at. */
export function preflightTable({ methods }: PreflightAnswer, terminal: Terminal): string {
  const { green, red, dim } = terminal.colors;
  const rows = methods.flatMap((one) => {
    const { method, ok, detail, bytes, estimateSeconds, listed } = one;
    const row = [
      method,
      ok ? green('ok') : red('no'),
      bytes === null ? '' : bytesText(BigInt(bytes)),
      estimateSeconds === null ? '' : durationText(estimateSeconds),
      ok && !listed ? `${detail} (only with --method ${method})` : detail,
    ];
    const others = otherChecks(one);
    return others === '' ? [row] : [row, ['', '', '', '', dim(others)]];
  });
  return columns(HEADS, rows, terminal.colors).join('\n');
}

/** What its own line does not say already. */
function otherChecks({ checks, detail }: MethodPreflight): string {
  return checks
    .filter((check) => check.name !== 'source' && check.detail !== detail)
    .map((check) => (check.ok ? `${check.name}: ${check.detail}` : `no: ${check.detail}`))
    .join('; ');
}

function durationText(seconds: number): string {
  return seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
