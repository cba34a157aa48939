import { type Command, InvalidArgumentError } from 'commander';
import { type Context, contextOf, type GlobalOptions } from './context.ts';
import type { Outcome } from './outcome.ts';

/** Gives an outcome to whoever prints it. */
export type Finish = (outcome: Outcome, context: Context) => Promise<void>;

/** Positional arguments in the order of the usage line; those left out are undefined. */
type Words = readonly (string | undefined)[];

/** The code of a verb; null when it has printed everything itself. */
export type VerbBody<Options, Positionals extends readonly unknown[] = Words> = (
  context: Context,
  positionals: Positionals,
  options: Options,
) => Promise<Outcome | null>;

/** What commander calls: positional arguments, options, and the command, in this order. */
export function runs<Options, Positionals extends readonly unknown[] = Words>(
  finish: Finish,
  body: VerbBody<Options, Positionals>,
) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    // As they were declared: commander parses them, and its types do not say so.
    const positionals = given.slice(0, -2) as readonly unknown[] as Positionals;
    const context = contextOf(command.optsWithGlobals<GlobalOptions>());
    const outcome = await body(context, positionals, command.opts() as Options);
    if (outcome !== null) await finish(outcome, context);
  };
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('give a whole number from 0.');
  return Number(text);
}

export function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 86_400)) throw new InvalidArgumentError('give seconds up to 86400.');
  return value;
}
