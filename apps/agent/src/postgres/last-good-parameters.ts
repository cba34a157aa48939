import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigurationRejected, Parameters } from '#libs/cluster';
import { type AgentConfig, guardPaths } from '#libs/config';
import { readFileIfPresent, writeFileDurably } from '#libs/process';

/** The end of PostgreSQL's own output, where it says why it does not start. */
const TAIL_BYTES = 8_192;

/**
 * Parameters with which PostgreSQL serves here. New ones with which it ends before it ever answers are set
 * aside, with what it said, until another revision or a restart is ordered: it goes on with what worked.
 */
export class LastGoodParameters {
  /** Null while the present revision is in use. */
  rejected: ConfigurationRejected | null = null;
  readonly #file: string;
  readonly #logFile: string;
  #good: Parameters | null = null;
  /** What it said when it ended before it answered; null once it does. */
  #failure: string | null = null;
  /** With which PostgreSQL was started and has not answered yet. */
  #tried: { readonly revision: number; readonly parameters: Parameters } | null = null;

  constructor(config: AgentConfig) {
    this.#file = join(config.stateDirectory, 'last-good-parameters.json');
    this.#logFile = guardPaths(config).postgresLog;
    const text = readFileIfPresent(this.#file);
    if (text !== undefined) this.#good = parametersIn(text);
  }

  /** A restart was ordered: what was set aside gets another chance, since what it lacked may be there now. */
  tryAgain(): void {
    this.rejected = null;
  }

  /** What to write: the given ones, or those that worked. */
  choose(revision: number, given: Parameters): Parameters {
    if (this.rejected?.revision !== revision) this.rejected = null;
    return this.rejected === null ? given : (this.#good ?? given);
  }

  /**
   * Before a start. When the one before ended by itself without an answer, with parameters other than those
   * that worked, they are the likely reason.
   */
  starting(revision: number, given: Parameters, lastStop: string | null): void {
    const tried = this.#tried;
    const ended = lastStop !== null && /^exit code [1-9]/.test(lastStop);
    this.#failure = null;
    if (ended && tried?.revision === revision) {
      const reason = reasonIn(tailOf(this.#logFile));
      this.#failure = reason;
      // What worked before does not start either: something else is wrong, and both are tried in turn.
      const blamed = this.rejected === null && this.#differs(tried.parameters);
      this.rejected = blamed ? { revision, reason } : null;
    }
    this.#tried = { revision, parameters: this.choose(revision, given) };
  }

  /** PostgreSQL answers with what it was started with. */
  served(): void {
    if (this.#tried === null) return;
    const { parameters } = this.#tried;
    this.#tried = null;
    this.#failure = null;
    if (!this.#differs(parameters) && this.#good !== null) return;
    this.#good = parameters;
    writeFileDurably(this.#file, `${JSON.stringify(parameters)}\n`);
  }

  get problem(): string | null {
    if (this.rejected === null) {
      if (this.#failure === null) return null;
      return `PostgreSQL does not start (${this.#failure}): see ${this.#logFile}`;
    }
    const { revision, reason } = this.rejected;
    return `PostgreSQL does not start with revision ${revision} (${reason}) and goes on with the parameters of before: \`matriarch config set\` another value, or mend that and \`matriarch restart --pending\``;
  }

  #differs(parameters: Parameters): boolean {
    const good = this.#good;
    if (good === null) return false;
    const names = new Set([...Object.keys(good), ...Object.keys(parameters)]);
    return [...names].some((name) => good[name] !== parameters[name]);
  }
}

function parametersIn(text: string): Parameters | null {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null) return null;
  return Object.fromEntries(Object.entries(parsed).map(([name, value]) => [name, String(value)]));
}

/** The last thing that PostgreSQL called fatal, and beside it which address it could not have. */
export function reasonIn(log: string): string {
  const lines = log.split('\n');
  const at = lines.findLastIndex((line) => /(?:FATAL|PANIC):/.test(line));
  const last = lines[at];
  if (last === undefined) return 'it gave no reason';
  const reason = last.replace(/^.*?((?:FATAL|PANIC):)\s*/, '$1 ');
  if (!/could not create any (?:TCP|Unix)/.test(reason)) return reason;
  const taken = lines.slice(0, at).findLast((line) => /could not bind /.test(line));
  return taken === undefined
    ? reason
    : `${reason}: ${taken.replace(/^.*?(could not bind )/, '$1')}`;
}

function tailOf(path: string): string {
  const handle = openSync(path, 'r');
  try {
    const { size } = fstatSync(handle);
    const length = Math.min(size, TAIL_BYTES);
    const tail = Buffer.alloc(length);
    readSync(handle, tail, 0, length, size - length);
    return tail.toString('utf8');
  } finally {
    closeSync(handle);
  }
}
