import { ALONE, NOBODY, type SyncSetting } from '#libs/cluster';
import {
  formatSynchronousStandbyNames,
  parseSynchronousStandbyNames,
  type SynchronousStandbyNames,
} from '#libs/postgres-model';

/** No receiver can have such a name: ours are `<cluster>/<instance>/<data id>`. */
const PLACEHOLDER = 'matriarch placeholder ';

/** The value of `synchronous_standby_names`; never empty where commits must wait for somebody. */
export function settingText({ method, names, count }: SyncSetting): string {
  if (count === 0) return '';
  const listed = names.length === 0 ? placeholders(count) : names;
  return formatSynchronousStandbyNames({ kind: method, count, names: listed });
}

/**
 * The same to PostgreSQL, but with `lead` names before the real ones that nobody can have, so that each
 * walsender shows another `sync_priority` than before once it runs this value: `pg_stat_replication`
 * shows what the walsender itself has read, while its `sync_state` is worked out by whoever looks.
 */
export function leadingText({ names, count }: SyncSetting, lead: number): string {
  if (names.length === 0) return settingText({ method: 'first', names, count });
  return formatSynchronousStandbyNames({
    kind: 'first',
    count,
    names: [...placeholders(lead), ...names],
  });
}

/** The priority that a walsender of this name shows once it has read the value; 0: not in it. */
export function priorityIn(text: string, name: string): number {
  const value = readText(text);
  if (value === null || value.kind === 'off') return 0;
  const position = value.names.findIndex((each) => each.toLowerCase() === name.toLowerCase()) + 1;
  return value.kind === 'any' ? Math.min(position, 1) : position;
}

/** The smallest lead that gives every name a priority which none of the older values gave it. */
export function leadFor(names: readonly string[], older: readonly (readonly number[])[]): number {
  for (let lead = 1; ; lead += 1) {
    const clashes = names.some((_name, position) => older[position]?.includes(lead + position + 1));
    if (!clashes) return lead;
  }
}

/** What a value in force means; null when a person wrote something that we never would. */
export function settingOf(text: string): SyncSetting | null {
  const value = readText(text);
  if (value === null) return null;
  if (value.kind === 'off') return ALONE;
  const names = value.names.filter((name) => !name.startsWith(PLACEHOLDER));
  if (names.length === 0) return { ...NOBODY, count: value.count };
  return { method: value.kind, names, count: value.count };
}

function readText(text: string): SynchronousStandbyNames | null {
  try {
    return parseSynchronousStandbyNames(text);
  } catch {
    return null;
  }
}

function placeholders(count: number): string[] {
  return Array.from({ length: count }, (_none, index) => `${PLACEHOLDER}${index + 1}`);
}
