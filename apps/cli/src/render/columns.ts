import { stripVTControlCharacters } from 'node:util';
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

/** The same, where that fits into `width`; else without column number `spare`. */
export function fittingColumns(
  heads: readonly Column[],
  rows: readonly (readonly string[])[],
  colors: Colors,
  { width, spare }: { readonly width: number; readonly spare: number },
): string[] {
  const whole = columns(heads, rows, colors);
  if (whole.every((line) => stripVTControlCharacters(line).length <= width)) return whole;
  const kept = <T>(row: readonly T[]): T[] => row.filter((_one, place) => place !== spare);
  return columns(kept(heads), rows.map(kept), colors);
}
