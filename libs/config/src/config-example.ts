import { stringify } from 'yaml';
import * as z from 'zod';
import { agentSchema } from './agent-schema.ts';
import { clusterSchema } from './cluster-file.ts';
import { controllerSchema } from './controller-config.ts';
import { textOf } from './field.ts';
import { mayBeAbsent, unwrapped } from './schema-walk.ts';

export const CONFIG_KINDS = ['controller', 'agent', 'cluster'] as const;
export type ConfigKind = (typeof CONFIG_KINDS)[number];

const SCHEMAS: Readonly<Record<ConfigKind, z.ZodObject>> = {
  controller: controllerSchema,
  agent: agentSchema,
  cluster: clusterSchema,
};

const STARTED_BY: Readonly<Record<ConfigKind, string>> = {
  controller: 'matriarch controller --config controller.yaml',
  agent: 'matriarch agent --config agent.yaml',
  cluster: 'matriarch cluster create NAME --file cluster.yaml',
};

/**
 * A file with every key, made from the schema itself. `#key` shows a key that may be
 * left out, `# ` begins a remark.
 */
export function configExample(kind: ConfigKind): string {
  const head = [
    `# ${STARTED_BY[kind]}`,
    '# Keys behind a # may be left out. Relative paths start at the directory of this file.',
    '',
  ];
  return `${[...head, ...objectLines(SCHEMAS[kind], '')].join('\n')}\n`;
}

function objectLines(object: z.ZodObject, indent: string): string[] {
  return Object.entries(object.shape).flatMap(([key, schema]) => [
    ...fieldLines(key, schema as z.ZodType, indent),
    ...(indent === '' ? [''] : []),
  ]);
}

function fieldLines(key: string, schema: z.ZodType, indent: string): string[] {
  const text = textOf(schema);
  const remarks = text === undefined ? [] : wrapped(text.about, `${indent}# `);
  const lines = [...remarks, ...valueLines(key, schema, indent)];
  return mayBeAbsent(schema) && text?.usual !== true ? lines.map(commentedOut) : lines;
}

function valueLines(key: string, schema: z.ZodType, indent: string): string[] {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodObject) {
    return [`${indent}${key}:`, ...objectLines(inner, `${indent}  `)];
  }
  const yaml = stringify({ [key]: textOf(schema)?.example }, { lineWidth: 0 }).trimEnd();
  return yaml.split('\n').map((line) => `${indent}${line}`);
}

/** `#key` at the indentation of the key, so that taking the `#` away gives the setting. */
function commentedOut(line: string): string {
  return line.trimStart().startsWith('#') ? line : line.replace(/\S/, '#$&');
}

function wrapped(text: string, prefix: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && prefix.length + line.length + word.length >= 99) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].filter((part) => part !== '').map((part) => prefix + part);
}
