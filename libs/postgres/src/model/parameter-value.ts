/**
 * Values of settings as PostgreSQL reads them (`guc.c`; manual, "Setting Parameters"): numbers with an
 * optional unit, booleans by any unambiguous beginning, enumerations whatever the case.
 */

/** Bytes, or microseconds, of one unit. */
const MEMORY_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1_024,
  MB: 1_024 ** 2,
  GB: 1_024 ** 3,
  TB: 1_024 ** 4,
};
const TIME_UNITS: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1_000,
  s: 1_000_000,
  min: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
};

export type NumberOutcome =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'malformed'; readonly why: string };

/**
 * `text` in the setting's own unit (`baseUnit` as `pg_settings.unit` says it: `8kB`, `ms`, or null).
 * An integer setting takes fractions and rounds them, as PostgreSQL does.
 */
export function numberIn(
  text: string,
  baseUnit: string | null,
  type: 'integer' | 'real',
): NumberOutcome {
  const match =
    /^\s*([+-]?(?:0x[0-9a-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?))\s*([A-Za-z]*)\s*$/i.exec(text);
  const digits = match?.[1];
  if (match === null || digits === undefined) return { kind: 'malformed', why: 'a number' };
  const number = numberOf(digits);
  const unit = match[2] ?? '';
  const factor = unit === '' ? 1 : factorOf(unit, baseUnit);
  if (factor === null) return { kind: 'malformed', why: unitRule(unit, baseUnit) };
  const value = number * factor;
  return { kind: 'number', value: type === 'integer' ? Math.round(value) : value };
}

/** Hexadecimal with 0x, octal with a leading zero, else decimal. */
function numberOf(digits: string): number {
  const sign = digits.startsWith('-') ? -1 : 1;
  const bare = digits.replace(/^[+-]/, '');
  if (/^0[0-7]+$/.test(bare)) return sign * Number.parseInt(bare, 8);
  return sign * Number(bare);
}

function factorOf(unit: string, baseUnit: string | null): number | null {
  if (baseUnit === null) return null;
  const [, count = '', name = ''] = /^(\d*)([A-Za-z]+)$/.exec(baseUnit) ?? [];
  const units = familyOf(name);
  const [own, base] = [units?.[unit], units?.[name]];
  if (own === undefined || base === undefined) return null;
  return own / (base * (count === '' ? 1 : Number(count)));
}

function familyOf(name: string): Readonly<Record<string, number>> | null {
  if (Object.hasOwn(MEMORY_UNITS, name)) return MEMORY_UNITS;
  return Object.hasOwn(TIME_UNITS, name) ? TIME_UNITS : null;
}

function unitRule(unit: string, baseUnit: string | null): string {
  const family = baseUnit === null ? null : familyOf(baseUnit.replace(/^\d+/, ''));
  if (family === null) return `it takes no unit, '${unit}' was given`;
  return `'${unit}' is none of its units (${Object.keys(family).join(', ')}; case matters)`;
}

/** Null when it is none: `on`, `off`, `true`, `false`, `yes`, `no`, `1`, `0` and their beginnings. */
export function booleanOf(text: string): boolean | null {
  const word = text.trim().toLowerCase();
  if (word === '1' || word === 'on') return true;
  if (word === '0' || word === 'of' || word === 'off') return false;
  if (word === '') return null;
  if ('true'.startsWith(word) || 'yes'.startsWith(word)) return true;
  return 'false'.startsWith(word) || 'no'.startsWith(word) ? false : null;
}
