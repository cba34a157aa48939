import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** Puts a part of a document between its markers; the rest of the file stays. */
export function writeDocumentPart(path: string, name: string, part: string): void {
  const begin = `<!-- ${name} begin -->`;
  const end = `<!-- ${name} end -->`;
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const from = before.indexOf(begin);
  const to = before.indexOf(end);
  const text = `${begin}\n${part}\n${end}`;
  const after =
    from < 0 || to < from
      ? `${before.trimEnd()}\n\n${text}\n`.trimStart()
      : before.slice(0, from) + text + before.slice(to + end.length);
  writeFileSync(path, after);
}
