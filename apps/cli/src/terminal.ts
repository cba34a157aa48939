import pc from 'picocolors';

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
};

const COLUMNS_DEFAULT = 100;
const COLUMNS_MIN = 60;

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
      // A line that wrapped could not be taken back.
      if (interactive)
        stderr.write(`${clear}${text.slice(0, (stderr.columns ?? COLUMNS_MIN) - 1)}`);
    },
  };
}
