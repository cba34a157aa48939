import { cpSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What an agent and its guard are made of, below the directory of the joined files. */
const PARTS = ['apps/agent', 'apps/guard', 'shared'];

/**
 * Where agents and guards are started from. A clone in a home that only root can enter is closed to
 * PostgreSQL's user, which they run as: then they get a copy of their programs in the demo's directory.
 */
export function programsFor(compiled: string, demoDirectory: string): string {
  if (process.getuid?.() !== 0 || mayBeEntered(compiled)) return compiled;
  const copy = join(demoDirectory, 'program');
  for (const part of PARTS) cpSync(join(compiled, part), join(copy, part), { recursive: true });
  writeFileSync(join(copy, 'package.json'), '{ "type": "module" }\n');
  return copy;
}

function mayBeEntered(directory: string): boolean {
  for (let above = directory; above !== '/'; above = dirname(above)) {
    if ((statSync(above).mode & 0o001) === 0) return false;
  }
  return true;
}
