import Table from 'cli-table3';
import type { Colors } from '../terminal.ts';

const NO_LINES = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '' },
};

export type Column = { readonly head: string; readonly align?: 'left' | 'right' };

/** Aligned columns without lines, two spaces apart; colours do not count as width. */
export function columns(
  heads: readonly Column[],
  rows: readonly (readonly string[])[],
  colors: Colors,
): string[] {
  const table = new Table({
    head: heads.map(({ head }) => colors.dim(head)),
    chars: NO_LINES,
    colAligns: heads.map(({ align }) => align ?? 'left'),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}

/** Text in lines of at most `width`; those after the first are indented. */
export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const room = lines.length === 0 ? width : width - indent.length;
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines.join(`\n${indent}`);
}
