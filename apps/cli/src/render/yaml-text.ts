import { stringify } from 'yaml';
import type { Json } from '#libs/api';

/** In a file of its own: the parser is read by those alone who want YAML, and as the bundle needs it. */
export function yamlText(value: Json): string {
  return stringify(value).trimEnd();
}
