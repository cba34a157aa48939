import { nearestName } from '#libs/kernel';
import { managedReason } from './managed-parameters.ts';
import { booleanOf, numberIn } from './parameter-value.ts';

/** One row of `pg_settings`: what this PostgreSQL takes for a setting. */
export type CatalogEntry = {
  readonly name: string;
  readonly type: 'bool' | 'integer' | 'real' | 'string' | 'enum';
  readonly unit: string | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly choices: readonly string[] | null;
  /** `postmaster` needs a restart, `internal` cannot be set (manual, view `pg_settings`). */
  readonly context: string;
};

/** The settings of one running PostgreSQL, by name. */
export type ParameterCatalog = ReadonlyMap<string, CatalogEntry>;

export type ParameterVerdict =
  | { readonly kind: 'accepted'; readonly needsRestart: boolean }
  /** An extension's setting that is not loaded (yet): PostgreSQL keeps it without looking at it. */
  | { readonly kind: 'unchecked' }
  | { readonly kind: 'refused'; readonly rule: string; readonly limit: string };

/** Whether this PostgreSQL would take `value` for `name`. Pure: asked before anything is stored. */
export function judgeParameter(
  catalog: ParameterCatalog,
  name: string,
  value: string,
): ParameterVerdict {
  const managed = managedReason(name);
  if (managed !== undefined) return refused('managed', `left out: ${managed}`);
  const entry = catalog.get(name);
  if (entry === undefined) {
    if (name.includes('.')) return { kind: 'unchecked' };
    return refused('unknown-parameter', nearestHint(catalog, name));
  }
  if (entry.context === 'internal') return refused('read-only', 'not a setting: it is only shown');
  if (value.includes('\0') || value.includes('\n')) {
    return refused('one-line', 'text without line breaks');
  }
  return judgeValue(entry, value) ?? { kind: 'accepted', needsRestart: needsRestart(entry) };
}

export function needsRestart({ context }: CatalogEntry): boolean {
  return context === 'postmaster';
}

function judgeValue(entry: CatalogEntry, value: string): ParameterVerdict | null {
  switch (entry.type) {
    case 'bool':
      return booleanOf(value) === null ? refused('boolean', 'on or off') : null;
    case 'integer':
    case 'real':
      return judgeNumber(entry, entry.type, value);
    case 'enum':
      return isChoice(entry, value)
        ? null
        : refused('choice', `one of ${entry.choices?.join(', ') ?? ''}`);
    case 'string':
      return null;
  }
}

function judgeNumber(
  { unit, min, max }: CatalogEntry,
  type: 'integer' | 'real',
  value: string,
): ParameterVerdict | null {
  const outcome = numberIn(value, unit, type);
  const low = min ?? Number.NEGATIVE_INFINITY;
  const high = max ?? Number.POSITIVE_INFINITY;
  const range = `${low} to ${high}${unit === null ? '' : `, counted in ${unit}`}`;
  if (outcome.kind === 'malformed') return refused('number', `${outcome.why}; ${range}`);
  if (outcome.value >= low && outcome.value <= high) return null;
  return refused('range', `${range} (this is ${outcome.value})`);
}

/** Many enumerations take the spellings of a boolean beside those that `pg_settings` shows. */
function isChoice({ choices }: CatalogEntry, value: string): boolean {
  const known = (choices ?? []).map((choice) => choice.toLowerCase());
  if (known.includes(value.trim().toLowerCase())) return true;
  return known.includes('on') && known.includes('off') && booleanOf(value) !== null;
}

function refused(rule: string, limit: string): ParameterVerdict {
  return { kind: 'refused', rule, limit };
}

function nearestHint(catalog: ParameterCatalog, name: string): string {
  const near = nearestName(name, [...catalog.keys()]);
  return `a setting of this PostgreSQL${near === null ? '' : `: did you mean ${near}?`}`;
}
