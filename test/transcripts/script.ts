/** One command of a transcript and the trace that stands below it. */
export type Passage = {
  readonly command: string;
  readonly expected: readonly string[];
};

/** A line of prose, a blank line, or a passage; in the order of the file. */
export type Line = { readonly prose: string } | Passage;

/** `> command`, then its trace; `#` begins prose. */
export function parseScript(text: string): readonly Line[] {
  const lines: Line[] = [];
  let open: { command: string; expected: string[] } | null = null;
  for (const line of text.replace(/\n$/, '').split('\n')) {
    if (line.startsWith('> ')) {
      open = { command: line.slice(2), expected: [] };
      lines.push(open);
    } else if (line === '' || line.startsWith('#')) {
      open = null;
      lines.push({ prose: line });
    } else if (open !== null) {
      open.expected.push(line);
    } else {
      throw new SyntaxError(`'${line}' belongs to no command: begin prose with '#'`);
    }
  }
  return lines;
}

/** The script with the trace that `run` gives now. */
export function replay(
  script: readonly Line[],
  run: (command: string) => readonly string[],
): string {
  const out: string[] = [];
  for (const line of script) {
    if ('prose' in line) out.push(line.prose);
    else out.push(`> ${line.command}`, ...run(line.command));
  }
  return `${out.join('\n')}\n`;
}
