import { parse, stringify, YAMLParseError } from 'yaml';
import { configurationShape, jsonOf, requestProblem } from '#libs/api';
import type { ClusterConfiguration } from '#libs/cluster';
import { UsageError } from '../cli-error.ts';

/** The configuration as a person reads and edits it. */
export function documentOf(configuration: ClusterConfiguration): string {
  return stringify(inValues(jsonOf(configuration), plainNumber), { lineWidth: 0 });
}

/**
 * Values may be written as they come to mind: 200, true, 64MB.
 *
 * @throws UsageError naming the line or the key
 */
export function configurationIn(text: string): ClusterConfiguration {
  const parsed = configurationShape.safeParse(withTextValues(parsedYaml(text)));
  if (parsed.success) return parsed.data;
  throw new UsageError(requestProblem(parsed.error));
}

function parsedYaml(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new UsageError(`it is not YAML: ${error.message.split('\n')[0] ?? ''}`);
  }
}

/** Parameters are text in the API; sizes in settings are decimal text. */
function withTextValues(value: unknown): unknown {
  return inValues(value, parameterText);
}

/** `max_connections: 50`, not `"50"`: whoever reads it again makes text of it. */
function plainNumber(value: unknown): unknown {
  return typeof value === 'string' && String(Number(value)) === value ? Number(value) : value;
}

type Change = (value: unknown) => unknown;

/** Of every parameter, and of every size in the settings. */
function inValues(value: unknown, change: Change): unknown {
  if (!isRecord(value)) return value;
  const { settings, parameters, overrides, ...rest } = value;
  const given = isRecord(overrides) ? overrides : {};
  const instances = isRecord(given['instances']) ? given['instances'] : {};
  const size: Change = (one) => (typeof one === 'boolean' ? one : change(one));
  const inEach = (of: unknown): unknown => (isRecord(of) ? mapped(of, change) : of);
  return {
    ...rest,
    settings: isRecord(settings)
      ? mapped(settings, (one, key) => (key.endsWith('Bytes') ? size(one) : one))
      : settings,
    parameters: inEach(parameters ?? {}),
    overrides: {
      ...given,
      primary: inEach(given['primary'] ?? {}),
      standby: inEach(given['standby'] ?? {}),
      instances: mapped(instances, inEach),
    },
  };
}

/** PostgreSQL spells booleans on and off. */
function parameterText(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return typeof value === 'number' ? String(value) : value;
}

function mapped(
  record: Readonly<Record<string, unknown>>,
  change: (value: unknown, key: string) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, one]) => [key, change(one, key)]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
