import type { ClusterConfiguration, Parameters } from '#libs/cluster';
import { nearestName } from '#libs/kernel';
import { UsageError } from '../cli-error.ts';

export type AssignmentTarget = {
  readonly role?: 'primary' | 'standby';
  readonly instance?: string;
};

/**
 * The configuration with parameters set (`work_mem=64MB`) and taken away (names in `unset`): of the
 * whole cluster, of a role, or of one instance.
 *
 * @throws UsageError
 */
export function assigned(
  configuration: ClusterConfiguration,
  assignments: readonly string[],
  unset: readonly string[],
  { role, instance }: AssignmentTarget,
): ClusterConfiguration {
  if (role !== undefined && instance !== undefined) {
    throw new UsageError('give --role or --instance, not both');
  }
  const change = (present: Parameters): Parameters => {
    const kept = Object.entries(present).filter(([name]) => !unset.includes(name));
    const missing = unset.find((name) => present[name] === undefined);
    if (missing !== undefined) {
      throw new UsageError(`'${missing}' is not set there: see \`matriarch config show\``);
    }
    return { ...Object.fromEntries(kept), ...Object.fromEntries(assignments.map(pairOf)) };
  };
  const { overrides } = configuration;
  if (role !== undefined) {
    return { ...configuration, overrides: { ...overrides, [role]: change(overrides[role]) } };
  }
  if (instance !== undefined) {
    const { [instance]: own = {}, ...others } = overrides.instances;
    const changed = change(own);
    const none = Object.keys(changed).length === 0;
    const instances = none ? others : { ...others, [instance]: changed };
    return { ...configuration, overrides: { ...overrides, instances } };
  }
  return { ...configuration, parameters: change(configuration.parameters) };
}

export function pairOf(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1) {
    throw new UsageError(
      `'${text}' is no NAME=VALUE: write ${text}=VALUE, or --unset ${text} to take it away; a cluster is named with --cluster`,
    );
  }
  return [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()];
}

/**
 * `--setting leaseTtlMs=4000`, `rebuild.methods=[pgbackrest, basebackup]`, `archive.tool=barman`: how the
 * cluster is kept. Values are read as YAML would; `archive.tool=null` is nobody.
 */
export function withSettings(
  document: Readonly<Record<string, unknown>>,
  pairs: readonly string[],
  read: (text: string) => unknown,
): Record<string, unknown> {
  const settings = { ...(document['settings'] as Record<string, unknown>) };
  const rebuild = { ...(document['rebuild'] as Record<string, unknown> | undefined) };
  let archive = document['archive'];
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, Math.max(at, 0)).trim();
    const value = read(pair.slice(at + 1));
    const [section, key = ''] = name.split('.');
    if (settings[name] !== undefined) settings[name] = value;
    else if (section === 'rebuild' && Object.hasOwn(rebuild, key)) rebuild[key] = value;
    else if (name === 'archive.tool') archive = value === null ? null : { tool: value };
    else {
      const more = [...Object.keys(rebuild).map((one) => `rebuild.${one}`), 'archive.tool'];
      const known = [...Object.keys(settings), ...more];
      const near = at < 0 ? null : nearestName(name, known);
      const help = near === null ? `the keys are ${known.join(', ')}` : `did you mean '${near}'?`;
      throw new UsageError(`'${pair}' is no KEY=VALUE of a setting: ${help}`);
    }
  }
  const policies = { ...(Object.keys(rebuild).length > 0 ? { rebuild } : {}) };
  return { ...document, settings, ...policies, ...(archive === undefined ? {} : { archive }) };
}
