import type { ControllerSeat, ControllersAnswer } from '#libs/api';
import type { Terminal } from '../terminal.ts';
import { columns } from './columns.ts';
import { wrap } from './wrap.ts';

type Look = Pick<Terminal, 'columns' | 'colors'>;

const HEADS = [
  { head: 'ID', align: 'right' as const },
  { head: 'NAME' },
  { head: 'ROLE' },
  { head: 'STANDING' },
  { head: 'DURABLE', align: 'right' as const },
  { head: 'APPLIED', align: 'right' as const },
  { head: 'LAG', align: 'right' as const },
  { head: 'DISK' },
  { head: 'ADDRESS' },
];

export function controllersText(
  answer: ControllersAnswer,
  { colors, columns: width }: Look,
): string {
  const { leader, term, commitIndex, toleratedFailures, remark, controllers } = answer;
  const led = leader === null ? colors.red('no leader') : `leader ${leader}`;
  const failures = failuresText(toleratedFailures, downOf(controllers), colors);
  const rows = controllers.map((seat) => rowOf(seat, colors));
  return [
    `${colors.bold('Controllers')}  ${led}, term ${term}, committed ${commitIndex}, ${failures}`,
    ...columns(HEADS, rows, colors).map((line) => `  ${line}`),
    ...remarksText(controllers, { colors, columns: width }),
    ...(remark === null ? [] : [colors.yellow(`  ${wrap(remark, width - 4, '    ')}`)]),
  ].join('\n');
}

/** What an operator has to do something about, below the table. */
export function remarksText(
  controllers: readonly Pick<ControllerSeat, 'remarks'>[],
  { colors, columns: width }: Look,
): string[] {
  return controllers
    .flatMap(({ remarks }) => remarks)
    .map((remark) => colors.red(`  ${wrap(remark, width - 4, '    ')}`));
}

function downOf(controllers: readonly ControllerSeat[]): number {
  return controllers.filter(({ standing, reachable }) => standing === 'voter' && !reachable).length;
}

/** What an operator wants to know at night: how many may fail from here on. */
function failuresText(tolerated: number, down: number, colors: Look['colors']): string {
  if (down === 0) return `tolerates ${tolerated} ${tolerated === 1 ? 'failure' : 'failures'}`;
  const voters = `${down} ${down === 1 ? 'voter does' : 'voters do'} not answer`;
  const left = tolerated - down;
  if (left < 0) return colors.red(`${voters}: no majority`);
  if (left === 0) return colors.yellow(`${voters}: tolerates no further failure`);
  return colors.yellow(`${voters}: tolerates ${left} more ${left === 1 ? 'failure' : 'failures'}`);
}

function rowOf(seat: ControllerSeat, colors: Look['colors']): string[] {
  const { id, name, role, standing, matchIndex, appliedIndex, lagEntries } = seat;
  const { reachable, disk, writeStallMs, address } = seat;
  const shownRole = role === 'leader' ? colors.green(role) : role;
  const stalled = `stalled ${writeStallMs ?? '?'} ms`;
  return [
    String(id),
    name,
    reachable ? shownRole : colors.red('unreachable'),
    standing === 'voter' ? standing : colors.yellow(standing),
    ...[matchIndex, appliedIndex, lagEntries].map((value) =>
      value === null ? '-' : String(value),
    ),
    disk === 'stalled' ? colors.red(stalled) : disk === 'unknown' ? '-' : disk,
    address,
  ];
}
