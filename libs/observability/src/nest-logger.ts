import type { LogFields, Logger } from './logger.ts';

/** The methods that Nest calls; this library does not know Nest. */
export type NestLogger = Readonly<
  Record<'log' | 'warn' | 'error' | 'debug' | 'verbose' | 'fatal', NestLogMethod>
>;
type NestLogMethod = (message: unknown, ...rest: unknown[]) => void;

/** Nest's lines as ours: its text is `message`, the last text after it is the `context`. */
export function nestLogger(logger: Logger): NestLogger {
  return {
    log: (message, ...rest) => logger.info(textOf(message), fieldsOf(message, rest)),
    warn: (message, ...rest) => logger.warn(textOf(message), fieldsOf(message, rest)),
    error: (message, ...rest) => logger.error(textOf(message), fieldsOf(message, rest)),
    debug: (message, ...rest) => logger.debug(textOf(message), fieldsOf(message, rest)),
    verbose: (message, ...rest) => logger.trace(textOf(message), fieldsOf(message, rest)),
    fatal: (message, ...rest) => logger.fatal(textOf(message), fieldsOf(message, rest)),
  };
}

function textOf(message: unknown): string {
  if (typeof message === 'string') return message;
  return message instanceof Error ? message.message : 'nest message';
}

function fieldsOf(message: unknown, rest: readonly unknown[]): LogFields {
  const texts = rest.filter((item) => typeof item === 'string');
  const error = [message, ...rest].find((item) => item instanceof Error);
  const stack = texts.slice(0, -1);
  return {
    ...(texts.length === 0 ? {} : { context: texts.at(-1) }),
    ...(stack.length === 0 ? {} : { stack: stack.join('\n') }),
    ...(error === undefined ? {} : { error }),
    ...(typeof message === 'object' && !(message instanceof Error) ? { detail: message } : {}),
  };
}
