import type { ClusterConfiguration, ConfigureCommand } from '../configuration.ts';
import type { CommandDecision, DecisionInput } from '../decision.ts';
import type { RuleRefusal } from '../events.ts';
import { configurationOf, currentRevision } from '../revisions.ts';

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
  const unknown = Object.keys(configuration.overrides.instances).find(
    (name) => state.members[name] === undefined,
  );
  if (unknown !== undefined) {
    const limit = `one of ${Object.keys(state.members).join(', ') || 'no instance yet'}`;
    return refused('unknown-instance', unknown, limit);
  }
  if (sameConfiguration(configuration, configurationOf(state))) {
    return { kind: 'satisfied', why: `revision ${present} says the same already` };
  }
  const revision = present + 1;
  const event = { type: 'ConfigurationChanged', revision, configuration, comment } as const;
  return { kind: 'decided', decision: { rule: 'operator-configure', events: [event] } };
}

function refused(rule: string, value: string, limit: string): CommandDecision {
  const refusal: RuleRefusal = { instance: null, rule, value, limit };
  return { kind: 'refused', refusals: [refusal] };
}

function sameConfiguration(a: ClusterConfiguration, b: ClusterConfiguration): boolean {
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
