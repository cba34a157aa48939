import { formatLsn, lsnOf } from '#libs/kernel';

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** JSON has no 64-bit numbers: WAL positions become text like 0/3000060, other bigint decimal text. */
export function jsonOf(value: unknown, key = ''): Json {
  if (typeof value === 'bigint') {
    return /lsn$/i.test(key) ? formatLsn(lsnOf(value)) : value.toString();
  }
  if (Array.isArray(value)) return value.map((item) => jsonOf(item, key));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
    return Object.fromEntries(entries.map(([name, inner]) => [name, jsonOf(inner, name)]));
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value;
  }
  return null;
}
