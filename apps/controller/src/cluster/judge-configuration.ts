import type { ClusterConfiguration, Parameters, RuleRefusal } from '#libs/cluster';
import { type InstanceName, instanceName } from '#libs/kernel';
import { judgeParameter, type ParameterCatalog, slotNameOf } from '#libs/postgres-model';
import { accessRefusals } from './access-refusals.ts';

export type ConfigurationVerdict = {
  readonly refusals: readonly RuleRefusal[];
  readonly needsRestart: readonly string[];
  readonly unchecked: readonly string[];
};

type Given = {
  readonly name: string;
  readonly value: string;
  readonly instance: InstanceName | null;
};

/**
 * What the running PostgreSQL would say to a configuration, before it is stored. Only values that change
 * are judged: one that was taken by an older version, and is in force, never stands in the way.
 */
export function judgeConfiguration(
  catalog: ParameterCatalog | null,
  next: ClusterConfiguration,
  present: ClusterConfiguration,
  members: readonly InstanceName[] = [],
): ConfigurationVerdict {
  const known = new Set(given(present).map(keyOf));
  const changed = given(next).filter((one) => !known.has(keyOf(one)));
  const refusals = [...accessRefusals(next), ...slotRefusals(next, members)];
  const needsRestart = new Set<string>();
  const unchecked = new Set<string>();
  for (const { name, value, instance } of changed) {
    if (catalog === null) {
      refusals.push(notHeardYet(name, instance));
      continue;
    }
    const verdict = judgeParameter(catalog, name, value);
    if (verdict.kind === 'unchecked') unchecked.add(name);
    else if (verdict.kind === 'refused') {
      const { rule, limit } = verdict;
      refusals.push({ instance, rule, value: `${name} = ${value}`, limit });
    } else if (verdict.needsRestart) needsRestart.add(name);
  }
  for (const name of removed(next, present)) {
    if (catalog?.get(name)?.context === 'postmaster') needsRestart.add(name);
  }
  const { archive = present.archive } = next;
  if ((archive == null) !== (present.archive == null)) needsRestart.add('archive_mode');
  return {
    refusals,
    needsRestart: [...needsRestart].sort(),
    unchecked: [...unchecked].sort(),
  };
}

function given({ parameters, overrides }: ClusterConfiguration): Given[] {
  const entries = (of: Parameters, instance: InstanceName | null): Given[] =>
    Object.entries(of).map(([name, value]) => ({ name, value, instance }));
  return [
    ...entries(parameters, null),
    ...entries(overrides.primary, null),
    ...entries(overrides.standby, null),
    ...Object.entries(overrides.instances).flatMap(([name, of]) => entries(of, instanceName(name))),
  ];
}

function keyOf({ name, value }: Given): string {
  return `${name}=${value}`;
}

/** A value that is taken away falls back to another one, which may need a restart too. */
function removed(next: ClusterConfiguration, present: ClusterConfiguration): string[] {
  const names = new Set(given(next).map(({ name }) => name));
  return given(present).flatMap(({ name }) => (names.has(name) ? [] : [name]));
}

/** A logical slot can only be made under `wal_level = logical`; the name of a member's slot is taken. */
function slotRefusals(
  { slots, parameters }: ClusterConfiguration,
  members: readonly InstanceName[],
): RuleRefusal[] {
  const taken = new Map(members.map((member) => [slotNameOf(member), member]));
  return Object.entries(slots?.permanent ?? {}).flatMap(([name, { type }]): RuleRefusal[] => {
    const no = (rule: string, value: string, limit: string): RuleRefusal[] => [
      { instance: null, rule, value, limit },
    ];
    const member = taken.get(name);
    if (member !== undefined) return no('slot-name', name, `not the slot of ${member}`);
    const level = parameters['wal_level']?.toLowerCase() ?? 'replica';
    if (type === 'physical' || level === 'logical') return [];
    return no('wal-level', `slot ${name} is logical, wal_level is ${level}`, 'wal_level = logical');
  });
}

function notHeardYet(name: string, instance: InstanceName | null): RuleRefusal {
  const limit = 'judged by a running PostgreSQL of the cluster: start one, or wait a second';
  return { instance, rule: 'catalogue-unknown', value: name, limit };
}
