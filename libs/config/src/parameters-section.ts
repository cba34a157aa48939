import * as z from 'zod';
import type { ParameterOverrides, Parameters } from '#libs/cluster';
import { managedReason } from '#libs/postgres-model';
import { byRole, resolveByRole } from './by-role.ts';
import type { Resolution } from './resolve.ts';

export const parametersSection = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean()]),
);
export const PARAMETERS_RULE = 'a mapping of setting names to text, numbers, true or false';

export const overridesSection = byRole(parametersSection, {
  rule: PARAMETERS_RULE,
  primary: { log_min_duration_statement: '1s' },
  standby: { hot_standby_feedback: true },
  instance: { work_mem: '64MB' },
});

export function resolveOverrides(
  raw: z.output<typeof overridesSection>,
  resolution: Resolution,
): ParameterOverrides {
  return resolveByRole(raw, 'overrides', (own, path) =>
    resolveParameters(own ?? {}, path, resolution),
  );
}

/** PostgreSQL spells booleans on and off. */
export function resolveParameters(
  raw: z.output<typeof parametersSection>,
  path: readonly string[],
  resolution: Resolution,
): Parameters {
  const parameters: Record<string, string> = {};
  const key = path.join('.');
  for (const [name, value] of Object.entries(raw)) {
    const spelled = name.toLowerCase();
    if (!/^[a-z_][a-z0-9_.]*$/.test(spelled)) {
      const text = `${key} has the key '${name}', which is no name of a PostgreSQL setting`;
      resolution.refuse([...path, name], text);
    }
    const reason = managedReason(spelled);
    if (reason !== undefined) {
      resolution.refuse([...path, name], `${key}.${name}: leave it out: ${reason}`);
    }
    parameters[spelled] = typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
  }
  return parameters;
}
