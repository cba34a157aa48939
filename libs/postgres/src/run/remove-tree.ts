import { opendir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '#libs/kernel';

/**
 * Removes a directory and what is below it, if it is there. One file after another, so that a process with
 * a lease or a report to send goes on meanwhile: of a large instance this takes minutes. Links are removed, not followed.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    for await (const entry of await opendir(path)) {
      const below = join(path, entry.name);
      if (entry.isDirectory()) await removeTree(below);
      else await unlink(below);
    }
    await rmdir(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    if (codeOf(error) !== 'ENOTDIR') throw error;
    await unlink(path);
  }
}
