import { type Command, CommanderError } from 'commander';
import { codeOf, DomainError, messageOf, unreachable } from '#libs/kernel';
import { RefusedError } from './cli-error.ts';
import { exitCodeAfter, InterruptedError } from './interruptible.ts';
import { EXIT, type Outcome } from './outcome.ts';
import { buildProgram } from './program.ts';
import { wrap } from './render/wrap.ts';
import type { OutputFormat } from './terminal.ts';
import { withVerbOf } from './verbs-by-other-names.ts';

/** Where text goes: the process, or a test. */
export type Streams = {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Of the terminal there; undefined where there is none, and lines stay whole. */
  readonly columns?: (stream: 'out' | 'err') => number | undefined;
};

const PROCESS_STREAMS: Streams = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  columns: (stream) => (stream === 'out' ? process.stdout : process.stderr).columns,
};

/** Runs one command line and gives its exit code. Results go to `out`, all else to `err`. */
export async function runCli(
  argv: readonly string[],
  streams: Streams = PROCESS_STREAMS,
): Promise<number> {
  let exitCode: number = EXIT.held;
  const program = buildProgram(async (outcome, { terminal }) => {
    exitCode = outcome.exitCode;
    streams.out(`${await rendered(outcome, terminal.format, streams.columns?.('out'))}\n`);
  });
  speakThrough(program, streams);
  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return failed(error, argv, streams);
  }
}

/** Commander prints help only; its errors become ours. */
function speakThrough(command: Command, streams: Streams): void {
  command.exitOverride();
  command.configureOutput({ writeOut: streams.out, writeErr: streams.err, outputError: () => {} });
  for (const inner of command.commands) speakThrough(inner, streams);
}

async function rendered(
  outcome: Outcome,
  format: OutputFormat,
  columns: number | undefined,
): Promise<string> {
  switch (format) {
    case 'table':
      return outcome.prose === true ? wrapped(outcome.text, columns) : outcome.text;
    case 'json':
      return JSON.stringify(outcome.result);
    case 'yaml':
      return (await import('./render/yaml-text.ts')).yamlText(outcome.result);
    default:
      return unreachable(format);
  }
}

function wrapped(text: string, columns: number | undefined): string {
  if (columns === undefined) return text;
  return text
    .split('\n')
    .map((line) => wrap(line, columns, '  '))
    .join('\n');
}

/** A refusal by the rules of the cluster: the order was tried, and does not hold. */
const NOT_HELD: readonly string[] = [
  'OPERATION_REFUSED',
  'OPERATION_RUNNING',
  'CLUSTER_EXISTS',
  'CONTROLLER_EXISTS',
  'CONTROLLER_UNREACHABLE',
  'MEMBERSHIP_REFUSED',
];

function failed(error: unknown, argv: readonly string[], streams: Streams): number {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.held;
  // A group of verbs alone: its help was shown.
  const shown = error instanceof CommanderError && error.code === 'commander.help';
  const code = errorCode(error);
  const message = shown ? 'a verb is missing' : messageText(error, argv);
  const lines = shown ? [] : message.split('\n').map((line) => `matriarch: ${line}`);
  for (const line of lines)
    streams.err(`${wrapped(line, streams.columns?.('err'))}
`);
  if (!isExpected(error)) streams.err(`${error instanceof Error ? error.stack : ''}\n`);
  const notHeld = NOT_HELD.includes(code);
  if (wantsJson(argv)) {
    const result = notHeld ? { ok: false, code, reason: message } : { error: { code, message } };
    streams.out(`${JSON.stringify(result)}\n`);
  }
  if (error instanceof InterruptedError) return exitCodeAfter(error);
  return notHeld ? EXIT.notHeld : EXIT.couldNotRun;
}

function messageText(error: unknown, argv: readonly string[]): string {
  const message = messageOf(error)
    .replace(/^error: /, '')
    .replace(/\n\(Did you mean (.*)\?\)$/, ": did you mean '$1'?");
  const isVerb = error instanceof CommanderError && error.code === 'commander.unknownCommand';
  return isVerb ? withVerbOf(message, argv) : message;
}

function errorCode(error: unknown): string {
  if (error instanceof RefusedError) return error.problemCode;
  if (error instanceof CommanderError) return 'USAGE';
  return codeOf(error) ?? 'INTERNAL';
}

/** Programming errors keep their stack; errors with a code say enough. */
function isExpected(error: unknown): boolean {
  return (
    error instanceof DomainError || error instanceof CommanderError || codeOf(error) !== undefined
  );
}

/** Read from the words themselves: a command line that cannot be parsed must be answered too. */
function wantsJson(argv: readonly string[]): boolean {
  return argv.some((word, index) => {
    const value = /^(?:-o|--output)$/.test(word) ? argv[index + 1] : word;
    return word === '--json' || value === 'json' || /^(?:--output=|-o=?)json$/.test(word);
  });
}
