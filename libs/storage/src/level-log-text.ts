import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '#libs/kernel';

/**
 * LevelDB opens a database with damaged log records as if nothing were wrong; the only trace is a line
 * in its text file `LOG`, as in `(ignoring error) 000003.log: dropping 334 bytes; Corruption: ...`.
 */
export async function reportedLossOf(databasePath: string): Promise<string | null> {
  return lossIn(await readIfThere(join(databasePath, 'LOG')));
}

/** The first line that tells of dropped bytes, without its time; null when there is none. */
export function lossIn(logText: string): string | null {
  const line = logText.split('\n').find((candidate) => /dropping \d+ bytes/.test(candidate));
  if (line === undefined) return null;
  return line.replace(/^\S+ \S+ /, '').trim();
}

/** Empty when the file is not there. */
export async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  }
}
