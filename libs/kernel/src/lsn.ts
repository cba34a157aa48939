import type { Brand } from './brand.ts';
import { DomainError } from './domain-error.ts';

/** A byte position in the WAL of one timeline (PostgreSQL's `pg_lsn`, 64 bits). */
export type Lsn = Brand<bigint, 'Lsn'>;

export class InvalidLsnError extends DomainError {
  readonly code = 'INVALID_LSN';

  constructor(text: string) {
    super(
      `'${text}' is not a WAL position: PostgreSQL writes two hexadecimal halves, as in 0/3000060`,
    );
  }
}

export const ZERO_LSN = 0n as Lsn;

/** Parses PostgreSQL's `X/Y` form. */
export function parseLsn(text: string): Lsn {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text);
  if (match === null) throw new InvalidLsnError(text);
  return ((BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)) as Lsn;
}

/** PostgreSQL's own spelling: upper-case halves without leading zeros. */
export function formatLsn(lsn: Lsn): string {
  const high = lsn >> 32n;
  const low = lsn & 0xffffffffn;
  return `${high.toString(16)}/${low.toString(16)}`.toUpperCase();
}

export function lsnOf(value: bigint): Lsn {
  return value as Lsn;
}

export function maxLsn(a: Lsn, b: Lsn): Lsn {
  return a > b ? a : b;
}

/** Bytes of WAL that `behind` lacks against `ahead`; never negative. */
export function walLagBytes(ahead: Lsn, behind: Lsn): bigint {
  return ahead > behind ? ahead - behind : 0n;
}
