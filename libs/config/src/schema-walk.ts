import * as z from 'zod';
import { type FieldText, textOf } from './field.ts';

type Path = readonly PropertyKey[];

/** The object, array or leaf beneath `optional`, `default` and transformations. */
export function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return unwrapped(schema.unwrap() as z.ZodType);
  }
  if (schema instanceof z.ZodPipe) return unwrapped(schema.in as z.ZodType);
  return schema;
}

/** True when a file may leave the key out. */
export function mayBeAbsent(schema: z.ZodType): boolean {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault;
}

/** The schemas from the root to `path`, as far as the path is known. */
function schemasOn(root: z.ZodType, path: Path): z.ZodType[] {
  const found = [root];
  let schema: z.ZodType | undefined = root;
  for (const step of path) {
    schema = childOf(unwrapped(schema), step);
    if (schema === undefined) break;
    found.push(schema);
  }
  return found;
}

function childOf(schema: z.ZodType, step: PropertyKey): z.ZodType | undefined {
  if (schema instanceof z.ZodObject) return schema.shape[String(step)] as z.ZodType | undefined;
  if (schema instanceof z.ZodArray) return schema.element as z.ZodType;
  if (schema instanceof z.ZodRecord) return schema.valueType as z.ZodType;
  return undefined;
}

/** The keys that the object at `path` may have. */
export function knownKeys(root: z.ZodType, path: Path): string[] {
  const schema = schemasOn(root, path).at(-1);
  const object = schema === undefined ? undefined : unwrapped(schema);
  return object instanceof z.ZodObject ? Object.keys(object.shape) : [];
}

/** What is said of the value at `path`, or of the nearest value around it. */
export function textAt(root: z.ZodType, path: Path): FieldText | undefined {
  return schemasOn(root, path)
    .map(textOf)
    .findLast((text) => text !== undefined);
}
