import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The version of the program that this process runs: of the first package.json above `from` that tells one, which is
 * the same in the sources, in dist and in its bundle.
 */
export function ownVersion(from = dirname(fileURLToPath(import.meta.url))): string {
  for (let directory = from; ; directory = dirname(directory)) {
    const path = join(directory, 'package.json');
    const found = existsSync(path) ? versionIn(readFileSync(path, 'utf8')) : undefined;
    if (found !== undefined) return found;
    if (directory === dirname(directory)) return 'unknown';
  }
}

function versionIn(text: string): string | undefined {
  return (JSON.parse(text) as { version?: string }).version;
}
