import { parseArgs } from 'node:util';
import { messageOf } from '#libs/kernel';
import { type Option, OptionError } from './option.ts';

export type Command<Values> = {
  /** As it is typed, up to the options: `npm run chaos --`. */
  readonly command: string;
  readonly purpose: string;
  readonly options: { readonly [Name in keyof Values]: Option<Values[Name]> };
};

const EXIT_COULD_NOT_RUN = 2;
const HELP = { help: { type: 'boolean' } } as const;

/**
 * Reads the command line of one of our long commands. What cannot be read ends the process with 2,
 * as every command with a last line of JSON does: `{"error"}` on stdout, usage on stderr.
 */
export function commandLine<Values>(command: Command<Values>): Values {
  try {
    const values = readOptions(command, process.argv.slice(2));
    if (values !== 'help') return values;
    process.stdout.write(usage(command));
    process.exit();
  } catch (error) {
    process.stderr.write(usage(command));
    process.stdout.write(`${JSON.stringify({ error: messageOf(error) })}\n`);
    process.exit(EXIT_COULD_NOT_RUN);
  }
}

/** @throws OptionError naming the option, its value, and what it must be */
export function readOptions<Values>(
  { options }: Command<Values>,
  argv: readonly string[],
): Values | 'help' {
  const names = Object.keys(options) as (keyof Values & string)[];
  const types = names.map((name) => {
    return [name, { type: options[name].value === null ? 'boolean' : 'string' }] as const;
  });
  const said = parsed(argv, { ...Object.fromEntries(types), ...HELP });
  if (said['help'] === true) return 'help';
  const values = names.map((name) => {
    const { fallback, read } = options[name];
    const word = said[name];
    return [name, word === undefined ? fallback : read(String(word), name)] as const;
  });
  return Object.fromEntries(values) as Values;
}

function parsed(
  args: readonly string[],
  options: Readonly<Record<string, { readonly type: 'boolean' | 'string' }>>,
): Readonly<Record<string, unknown>> {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    const known = Object.keys(options).map((name) => `--${name}`);
    throw new OptionError(`${messageOf(error)}: known are ${known.join(', ')}`);
  }
}

export function usage<Values>({ command, purpose, options }: Command<Values>): string {
  const rows = Object.entries<Option<unknown>>(options).map(([name, { what, value, fallback }]) => {
    const shown = value === null || fallback === null || fallback === '' ? null : fallback;
    const left = `--${name}${value === null ? '' : ` ${value}`}`;
    const right = shown === null || typeof shown === 'object' ? '' : ` (default ${shown})`;
    return { left, right: `${what}${right}` };
  });
  const width = Math.max(...rows.map(({ left }) => left.length));
  const lines = rows.map(({ left, right }) => `  ${left.padEnd(width)}  ${right}`);
  return `${command} [options]\n\n${purpose}\n\n${lines.join('\n')}\n`;
}
