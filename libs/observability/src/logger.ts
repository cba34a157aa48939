import { type DestinationStream, destination as fileDestination, pino } from 'pino';
import { redact, redactText } from '#libs/config';
import { describeError } from './describe-error.ts';

export type LogFields = Readonly<Record<string, unknown>>;

/** Constant lower-case messages; what varies goes into fields. An `error` field is written whole. */
export interface Logger {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  fatal(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
}

export type LoggerOptions = {
  /** Kind of process: controller, agent, cli. */
  readonly process: string;
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  /** Fields of every line, as the name of the controller. */
  readonly fields?: LogFields;
  /** Standard error by default. */
  readonly destination?: DestinationStream;
};

/** Lines that wait while standard error is stuck; older ones are dropped beyond this. */
const PENDING_MAX_BYTES = 4_194_304;

/** JSON lines on standard error. Secret values are hidden, bigint is written as text. */
export function createLogger(options: LoggerOptions): Logger {
  const root = pino(
    {
      level: options.level,
      base: { process: options.process, ...options.fields },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => fieldsForLog(fields) },
    },
    options.destination ?? standardError(),
  );
  return wrap(root);
}

/** Writes do not block the event loop, and what is pending leaves when the process exits. */
function standardError(): DestinationStream {
  const stream = fileDestination({ dest: 2, sync: false, maxLength: PENDING_MAX_BYTES });
  process.once('exit', () => {
    stream.flushSync();
  });
  return stream;
}

function wrap(target: pino.Logger): Logger {
  return {
    trace: (message, fields) => target.trace(fields ?? {}, message),
    debug: (message, fields) => target.debug(fields ?? {}, message),
    info: (message, fields) => target.info(fields ?? {}, message),
    warn: (message, fields) => target.warn(fields ?? {}, message),
    error: (message, fields) => target.error(fields ?? {}, message),
    fatal: (message, fields) => target.fatal(fields ?? {}, message),
    child: (fields) => wrap(target.child(fieldsForLog(fields))),
  };
}

function fieldsForLog(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? describeError(value) : redactField(name, value),
    ]),
  );
}

function redactField(name: string, value: unknown): unknown {
  if (typeof value === 'string' && !/password|secret|token/i.test(name)) return redactText(value);
  return (redact({ [name]: value }) as Record<string, unknown>)[name];
}
