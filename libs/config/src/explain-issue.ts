import type * as z from 'zod';
import { nearestName } from '#libs/kernel';

import { knownKeys, textAt } from './schema-walk.ts';
import type { YamlSource } from './yaml-source.ts';

type Issue = z.core.$ZodIssue;

/** One or more lines for one refusal: the key, the value, where it stands, the rule and the way out. */
export function explainIssue(issue: Issue, schema: z.ZodType, source: YamlSource): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(issue.path, key, schema, source));
  }
  const name = dotted(issue.path);
  const rule = textAt(schema, issue.path)?.rule ?? issue.message;
  const where = `${source.file} line ${source.lineOf(issue.path)}`;
  const value = valueAt(source.value, issue.path);
  if (value === undefined) {
    const parent = issue.path.slice(0, -1);
    const place =
      parent.length === 0 ? source.file : `${source.file} line ${source.lineOf(parent)}`;
    return [`missing key '${name}' in ${place}: it must be ${rule}`];
  }
  return [`'${name}' is ${shown(value, name)} in ${where}: it must be ${rule}`];
}

function unknownKey(
  parent: readonly PropertyKey[],
  key: string,
  schema: z.ZodType,
  source: YamlSource,
): string {
  const path = [...parent, key];
  const known = knownKeys(schema, parent);
  const nearest = nearestName(key, known);
  const way =
    nearest === null
      ? `the keys here are ${known.join(', ')}`
      : `did you mean '${dotted([...parent, nearest])}'?`;
  return `unknown key '${dotted(path)}' in ${source.file} line ${source.lineOf(path)}: ${way}`;
}

function dotted(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) =>
      typeof step === 'number' ? `[${step + 1}]` : `${index === 0 ? '' : '.'}${String(step)}`,
    )
    .join('');
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

/** A wrong password is named, not shown. */
function shown(value: unknown, name: string): string {
  if (/password/i.test(name)) return 'not acceptable';
  if (value === null) return 'empty';
  const text = typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
