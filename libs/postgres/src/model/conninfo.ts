import { DomainError } from '#libs/kernel';

/** Keyword and value pairs of a libpq connection string. */
export type Conninfo = Readonly<Record<string, string>>;

export class ConninfoError extends DomainError {
  readonly code = 'CONNINFO_INVALID';
}

/** Always quoted: `'` and `\` are escaped, nothing else is special within quotes. */
export function quoteConninfoValue(value: string): string {
  if (value.includes('\0')) throw new ConninfoError('a connection value holds a zero byte');
  return `'${value.replace(/['\\]/g, '\\$&')}'`;
}

/** Pairs in the order given; empty values are kept, since they mean something to libpq. */
export function formatConninfo(conninfo: Conninfo): string {
  return Object.entries(conninfo)
    .map(([keyword, value]) => {
      if (!/^[a-z_]+$/.test(keyword)) throw new ConninfoError(`'${keyword}' is no libpq keyword`);
      return `${keyword}=${quoteConninfoValue(value)}`;
    })
    .join(' ');
}

const PAIR = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/y;

/** @throws ConninfoError also on a URI: PostgreSQL itself and we always write pairs */
export function parseConninfo(text: string): Conninfo {
  const pairs: Record<string, string> = {};
  const trimmed = text.trimEnd();
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < trimmed.length) {
    const at = PAIR.lastIndex;
    const match = PAIR.exec(trimmed);
    if (match === null) throw new ConninfoError(`connection string is not readable at ${at}`);
    const raw = match[2] ?? match[3] ?? '';
    pairs[match[1] ?? ''] = raw.replace(/\\(.)/gs, '$1');
  }
  return pairs;
}
