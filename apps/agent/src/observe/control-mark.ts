import { statSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '#libs/kernel';

/**
 * Tells one state of a data directory from another without reading it: which control file stands there, and when it
 * was written. Null where there is none, as after somebody has emptied the directory.
 */
export function controlMark(dataDirectory: string): string | null {
  try {
    const { ino, mtimeNs } = statSync(join(dataDirectory, 'global', 'pg_control'), {
      bigint: true,
    });
    return `${ino} ${mtimeNs}`;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}
