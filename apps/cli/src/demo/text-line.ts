/** A piece of a line: what it says, and how it is painted; paint adds no visible width. */
export type Segment = { readonly text: string; readonly paint?: (text: string) => string };
export type TextLine = readonly Segment[];

export function plain(text: string): TextLine {
  return [{ text }];
}

/** The text in a column of fixed width; cut where it does not fit, always followed by a space. */
export function column(text: string, width: number, paint?: (text: string) => string): Segment {
  const fitted = text.length >= width ? `${text.slice(0, width - 2)}… ` : text.padEnd(width);
  return { text: fitted, ...(paint === undefined ? {} : { paint }) };
}

/** The line as it is written, never wider than `columns`. */
export function painted(line: TextLine, columns: number): string {
  let left = columns;
  let out = '';
  for (const { text, paint } of line) {
    const fitting = text.slice(0, left);
    left -= fitting.length;
    out += paint === undefined || fitting === '' ? fitting : paint(fitting);
  }
  return out;
}
