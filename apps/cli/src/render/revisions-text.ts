import type { Terminal } from '../terminal.ts';
import { columns } from './columns.ts';
import { timeText } from './time-text.ts';

type Revision = {
  readonly revision: number;
  /** Milliseconds; 0: with the cluster itself. */
  readonly at: number;
  readonly by: string;
  readonly comment: string | null;
  /** Null where the revision before is not kept. */
  readonly changed: number | null;
};

const HEADS = [
  { head: '#', align: 'right' as const },
  { head: 'AT (UTC)' },
  { head: 'BY' },
  { head: 'CHANGES', align: 'right' as const },
  { head: 'COMMENT' },
];

/** The revisions of a configuration, the present one last. */
export function revisionsText(
  revisions: readonly Revision[],
  { colors }: Pick<Terminal, 'colors'>,
): string {
  const rows = revisions.map(({ revision, at, by, comment, changed }) => [
    String(revision),
    at === 0 ? 'with the cluster' : timeText(at),
    by,
    changed === null ? '-' : String(changed),
    comment ?? '',
  ]);
  return columns(HEADS, rows, colors).join('\n');
}
