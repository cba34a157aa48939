import { DomainError } from '#libs/kernel';

/**
 * The setting `synchronous_standby_names`. PostgreSQL counts walsenders by these names, so each must
 * be unique to one data directory (safety 14); `*` would let anybody acknowledge.
 */
export type SynchronousStandbyNames =
  | { readonly kind: 'off' }
  /** The first `count` connected of an ordered list. */
  | { readonly kind: 'first'; readonly count: number; readonly names: readonly string[] }
  /** Any `count` of them. */
  | { readonly kind: 'any'; readonly count: number; readonly names: readonly string[] };

export class SynchronousStandbyNamesError extends DomainError {
  readonly code = 'SYNCHRONOUS_STANDBY_NAMES_INVALID';

  constructor(text: string, reason: string) {
    super(`synchronous_standby_names '${text}': ${reason}`);
  }
}

/**
 * The value as it is given to PostgreSQL; names are always quoted.
 *
 * @throws SynchronousStandbyNamesError on `*`, no names, a name twice, or a count beyond the names
 */
export function formatSynchronousStandbyNames(setting: SynchronousStandbyNames): string {
  if (setting.kind === 'off') return '';
  const { kind, count, names } = setting;
  const text = `${kind === 'any' ? 'ANY' : 'FIRST'} ${count} (${names.map(quoted).join(', ')})`;
  check(text, count, names);
  return text;
}

/**
 * Reads the value in force, also one that a person wrote in an older form.
 *
 * @throws SynchronousStandbyNamesError also on `*`
 */
export function parseSynchronousStandbyNames(text: string): SynchronousStandbyNames {
  if (text.trim() === '') return { kind: 'off' };
  const match = /^\s*(?:(?:(ANY|FIRST)\s+)?(\d+)\s*\((.*)\)|(.*))\s*$/is.exec(text);
  const names = namesOf(text, match?.[3] ?? match?.[4] ?? '');
  const count = match?.[2] === undefined ? 1 : Number(match[2]);
  check(text, count, names);
  const kind = match?.[1]?.toUpperCase() === 'ANY' ? 'any' : 'first';
  return { kind, count, names };
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function namesOf(text: string, list: string): string[] {
  const name = /\s*(?:"((?:[^"]|"")+)"|([^\s,"()]+))\s*(,|$)/y;
  const names: string[] = [];
  let separator = ',';
  while (separator === ',') {
    const match = name.exec(list);
    if (match === null) throw new SynchronousStandbyNamesError(text, 'the list is not readable');
    names.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    separator = match[3] ?? '';
  }
  return names;
}

function check(text: string, count: number, names: readonly string[]): void {
  const fail = (reason: string): never => {
    throw new SynchronousStandbyNamesError(text, reason);
  };
  if (names.includes('*')) fail("'*' lets any connection acknowledge a commit: name the members");
  // PostgreSQL compares names without regard to case.
  const distinct = new Set(names.map((name) => name.toLowerCase()));
  if (distinct.size !== names.length) fail('a name stands in it twice');
  if (!Number.isInteger(count) || count < 1 || count > names.length) {
    fail(`${count} of ${names.length} names can never be met`);
  }
}
