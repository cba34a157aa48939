import { withoutEmptyAccess } from '../../access.ts';
import type { ClusterConfiguration, ConfigureCommand } from '../../configuration.ts';
import type { CommandDecision, DecisionInput } from '../../decision.ts';
import { backupPoliciesOf, configurationOf, currentRevision } from '../../revisions.ts';
import { refused } from '../refusal.ts';

/**
 * Records a configuration that PostgreSQL would take (the caller asked its catalogue). Refused when
 * somebody else changed it meanwhile, or when it names instances that are not there.
 */
export function decideConfigure(
  { state }: DecisionInput,
  { configuration, expectedRevision, comment }: ConfigureCommand,
): CommandDecision {
  const present = currentRevision(state);
  if (expectedRevision !== null && expectedRevision !== present) {
    const limit = `the present revision, ${present}: look at it and change that one`;
    return refused('revision-changed', `revision ${expectedRevision}`, limit);
  }
  const standing = configurationOf(state);
  // Named already: by the cluster's file before it joined, or it was removed since.
  const known = new Set([...Object.keys(state.members), ...instancesIn(standing)]);
  const unknown = instancesIn(configuration).find((name) => !known.has(name));
  if (unknown !== undefined) {
    const limit = `one of ${[...known].join(', ') || 'no instance yet'}`;
    return refused('unknown-instance', unknown, limit);
  }
  const { rebuild, archive, ...next } = completed(configuration, standing);
  if (isSame(withoutEmptyAccess({ ...next, rebuild, archive }), withoutEmptyAccess(standing))) {
    return { kind: 'satisfied', why: `revision ${present} says the same already` };
  }
  const [backup, before] = [{ rebuild, archive }, backupPoliciesOf(state.postgres)];
  const event = {
    type: 'ConfigurationChanged',
    revision: present + 1,
    configuration: withoutEmptyAccess(next),
    comment,
    // Named only where they change: a group of an older level can change the rest.
    ...(isSame(backup, before) ? {} : { backup }),
  } as const;
  return { kind: 'decided', decision: { rule: 'operator-configure', events: [event] } };
}

function instancesIn({ overrides, accessOverrides }: ClusterConfiguration): string[] {
  return [overrides, accessOverrides].flatMap((of) => Object.keys(of?.instances ?? {}));
}

/** What a client of an older version does not name stays as it is. */
function completed(given: ClusterConfiguration, standing: Standing): Standing {
  const { slots = standing.slots, rebuild = standing.rebuild, archive = standing.archive } = given;
  const { accessOverrides = standing.accessOverrides } = given;
  return { ...given, slots, rebuild, archive, accessOverrides };
}

type Standing = ReturnType<typeof configurationOf>;

function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

/** The order of keys says nothing; the order of access rules does. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, one]) => `${key}:${canonical(one)}`).join(',')}}`;
  }
  return typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? 'undefined');
}
