import { createInterface } from 'node:readline';
import pc from 'picocolors';
import { wrap } from './render/wrap.ts';

export type Colors = ReturnType<typeof pc.createColors>;
export type OutputFormat = 'table' | 'json' | 'yaml';

/** Where a verb writes while it runs, and how wide and colourful it may be. */
export type Terminal = {
  readonly columns: number;
  readonly colors: Colors;
  readonly format: OutputFormat;
  /** True when somebody watches standard error. */
  readonly interactive: boolean;
  /** A line of the result itself. */
  readonly line: (text: string) => void;
  /** A line about the progress; never part of the result. */
  readonly note: (text: string) => void;
  /** Replaces the last line on a terminal; nothing elsewhere. */
  readonly transient: (text: string) => void;
  /** Whether a person agrees; null where nobody is there to ask, as in scripts. */
  readonly ask: ((question: string) => Promise<boolean>) | null;
};

const COLUMNS_DEFAULT = 100;
const COLUMNS_MIN = 60;
const CTRL_C_COLUMNS = 3;

export function openTerminal(format: OutputFormat): Terminal {
  const { stdout, stderr } = process;
  const interactive = stderr.isTTY === true;
  const clear = interactive ? '\r\u001b[2K' : '';
  return {
    columns: Math.max(COLUMNS_MIN, stdout.columns ?? COLUMNS_DEFAULT),
    colors: pc.createColors(pc.isColorSupported && stdout.isTTY === true),
    format,
    interactive,
    line: (text) => stdout.write(`${text}\n`),
    note: (text) => stderr.write(`${clear}${text}\n`),
    transient: (text) => {
      // A line that wrapped could not be taken back; `^C` comes behind it.
      if (interactive)
        stderr.write(`${clear}${text.slice(0, (stderr.columns ?? COLUMNS_MIN) - CTRL_C_COLUMNS)}`);
    },
    ask: interactive && process.stdin.isTTY ? askPerson : null,
  };
}

/** No by default, as at the end of input. The terminal edits the line itself, so that Ctrl-C stays a signal. */
async function askPerson(question: string): Promise<boolean> {
  const width = (process.stderr.columns ?? COLUMNS_DEFAULT) - 1;
  const asked = `${question} [y/N] `.split('\n').map((line) => wrap(line, width, ''));
  process.stderr.write(asked.join('\n'));
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    for await (const line of lines) return /^\s*y(es)?\s*$/i.test(line);
    // Ctrl-D leaves the cursor behind the question.
    process.stderr.write('\n');
    return false;
  } finally {
    lines.close();
  }
}
