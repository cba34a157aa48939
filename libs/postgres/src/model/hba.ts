import { DomainError } from '#libs/kernel';
import { problemOfFields } from './hba-fields.ts';

export type HbaConnection =
  | 'local'
  | 'host'
  | 'hostssl'
  | 'hostnossl'
  | 'hostgssenc'
  | 'hostnogssenc';

/** One line of `pg_hba.conf`. */
export type HbaRule = {
  readonly connection: HbaConnection;
  readonly databases: readonly string[];
  readonly users: readonly string[];
  /** Network with mask, host name, or `all`, `samehost`, `samenet`; absent for `local` only. */
  readonly address?: string;
  readonly method: string;
  readonly options?: Readonly<Record<string, string>>;
};

/** A rule, or a line as an operator wrote it. */
export type HbaLine = HbaRule | string;

export class HbaLineError extends DomainError {
  readonly code = 'HBA_LINE_INVALID';

  constructor(line: string, reason: string) {
    super(`pg_hba line '${line}': ${reason}`);
  }
}

const CONNECTIONS = ['local', 'host', 'hostssl', 'hostnossl', 'hostgssenc', 'hostnogssenc'];
const PLAIN_WORD = /^[A-Za-z0-9_./:@+-]+$/;
/** Unquoted they mean something else than a database, user or host of that name. */
const KEYWORDS = ['all', 'sameuser', 'samerole', 'samegroup', 'replication', 'samehost', 'samenet'];

const HEADER = '# Written by Matriarch from the cluster settings: changes made here are lost.';

/**
 * The whole file, first matching line first.
 *
 * @throws HbaLineError before a line reaches a server, where one bad line makes a reload fail
 */
export function renderHba(lines: readonly HbaLine[]): string {
  const rendered = lines.map((line) => {
    const text = typeof line === 'string' ? line.trim() : renderRule(line);
    checkHbaLine(text);
    return text;
  });
  return `${[HEADER, ...rendered].join('\n')}\n`;
}

/** @throws HbaLineError; an empty line and a comment are fine */
export function checkHbaLine(line: string): void {
  if (/[\n\r\0]/.test(line)) throw new HbaLineError(line, 'it holds more than one line');
  const words = wordsOf(line);
  const [connection] = words;
  if (connection === undefined) return;
  if (/^(include(_if_exists|_dir)?$|@)/.test(connection)) {
    throw new HbaLineError(line, 'includes are not managed: give the lines themselves');
  }
  if (!CONNECTIONS.includes(connection)) {
    throw new HbaLineError(line, `'${connection}' is none of ${CONNECTIONS.join(', ')}`);
  }
  const problem = problemOfFields(connection, words.slice(1));
  if (problem !== null) throw new HbaLineError(line, problem);
}

function renderRule(rule: HbaRule): string {
  const options = Object.entries(rule.options ?? {}).map(([name, value]) =>
    PLAIN_WORD.test(value) ? `${name}=${value}` : `${name}=${quoted(value)}`,
  );
  const address = rule.connection === 'local' ? [] : [word(rule.address ?? '')];
  const lists = [rule.databases, rule.users].map((names) => names.map(word).join(','));
  return [rule.connection, ...lists, ...address, rule.method, ...options].join(' ');
}

/** Keywords stay bare; what is not plain is quoted. A database that is called `all` needs a raw line. */
function word(text: string): string {
  return KEYWORDS.includes(text) || PLAIN_WORD.test(text) ? text : quoted(text);
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** Fields of a line: separated by blanks, commas bind, quotes protect, `#` begins a comment. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  const field = /\s*(?:(#.*)|((?:"(?:[^"]|"")*"|,\s*|[^\s",#])+))/y;
  while (field.lastIndex < line.trimEnd().length) {
    const match = field.exec(line);
    if (match === null) throw new HbaLineError(line, 'a quote is not closed');
    if (match[2] === undefined) break;
    words.push(match[2]);
  }
  return words;
}
