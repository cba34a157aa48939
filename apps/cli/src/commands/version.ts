import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT, type Outcome } from '../outcome.ts';

export function version(): Outcome {
  const number = packageVersion();
  const node = process.version.slice(1);
  const text = `matriarch ${number} (Node.js ${node})`;
  return { exitCode: EXIT.held, text, result: { version: number, node } };
}

/** Of the package.json above this file, in the sources and in dist alike. */
function packageVersion(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json')) && directory !== dirname(directory)) {
    directory = dirname(directory);
  }
  const { version: found } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
    version: string;
  };
  return found;
}
