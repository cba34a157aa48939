import { messageOf } from '#libs/kernel';

/** One option of a long command: how its value reads, what it may be, what it is for. */
export type Option<T> = {
  readonly what: string;
  /** As usage names the value; null: a switch, which has none. */
  readonly value: string | null;
  readonly fallback: T;
  /** @throws OptionError when the text is not what the option asks for */
  readonly read: (text: string, name: string) => T;
};

export class OptionError extends Error {}

export function flag(what: string): Option<boolean> {
  return { what, value: null, fallback: false, read: () => true };
}

export function text<F extends string | null>(what: string, fallback: F): Option<string | F> {
  return { what, value: 'TEXT', fallback, read: (said) => said };
}

export function wholeNumber<F extends number | null>(
  what: string,
  fallback: F,
  least = 0,
): Option<number | F> {
  return {
    ...{ what, value: 'N', fallback },
    read: (said, name) => {
      const value = Number(said);
      if (said.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value;
      throw new OptionError(`--${name} '${said}': it must be a whole number from ${least} on`);
    },
  };
}

/** More than nothing, and not only whole: minutes, hours. */
export function amount<F extends number | null>(what: string, fallback: F): Option<number | F> {
  return {
    ...{ what, value: 'N', fallback },
    read: (said, name) => {
      const value = Number(said);
      if (Number.isFinite(value) && value > 0) return value;
      throw new OptionError(`--${name} '${said}': it must be a number above 0`);
    },
  };
}

export function oneOf<T extends string>(what: string, known: readonly T[], fallback: T): Option<T> {
  const read = (said: string, name: string): T => oneKnown(said, name, known);
  return { what, value: known.join('|'), fallback, read };
}

export function someOf<T extends string>(
  what: string,
  known: readonly T[],
  fallback: readonly T[],
): Option<readonly T[]> {
  return {
    ...{ what: `${what}: ${known.join(', ')}`, value: 'LIST', fallback },
    read: (said, name) => said.split(',').map((word) => oneKnown(word, name, known)),
  };
}

function oneKnown<T extends string>(said: string, name: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === said);
  if (found !== undefined) return found;
  throw new OptionError(`--${name} '${said}': it must be one of ${known.join(', ')}`);
}

/** A list of whole numbers above nothing, as in `--clients 1,16`. */
export function wholeNumbers(what: string, fallback: readonly number[]): Option<readonly number[]> {
  const { read } = wholeNumber('', 0, 1);
  return {
    ...{ what, value: 'LIST', fallback },
    read: (said, name) => said.split(',').map((word) => read(word, name)),
  };
}

/** An object in JSON, as a report of a failure prints it; what is in it is its reader's to judge. */
export function json<T extends object>(what: string, fallback: T): Option<T> {
  return {
    ...{ what, value: 'JSON', fallback },
    read: (said, name) => {
      const value: unknown = parsed(said, name);
      if (typeof value === 'object' && value !== null) return value as T;
      throw new OptionError(`--${name} '${said}': it must be an object of JSON`);
    },
  };
}

export function pattern(what: string): Option<RegExp> {
  return {
    ...{ what, value: 'REGEXP', fallback: /(?:)/ },
    read: (said, name) => {
      try {
        return new RegExp(said);
      } catch (error) {
        throw new OptionError(`--${name}: ${messageOf(error)}`);
      }
    },
  };
}

function parsed(said: string, name: string): unknown {
  try {
    return JSON.parse(said);
  } catch (error) {
    throw new OptionError(`--${name} '${said}': it must be JSON (${messageOf(error)})`);
  }
}
