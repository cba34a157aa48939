import {
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '#libs/kernel';

/** Makes names that were created, renamed or removed in a directory survive a crash of the host. */
export function fsyncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/**
 * Replaces a file in one step: either the old or the new content is there after a crash, never a
 * mixture. Written by root, the file belongs to the owner of its directory (PostgreSQL's OS user).
 */
export function writeFileDurably(
  path: string,
  content: string | Uint8Array,
  modeBits = 0o600,
): void {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.matriarch-new`);
  rmSync(temporary, { force: true });
  const handle = openSync(temporary, 'wx', modeBits);
  try {
    // On a nearly full disk one `write` takes a part only, without an error.
    writeFileSync(handle, content);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  if (process.getuid?.() === 0) {
    const owner = statSync(directory);
    chownSync(temporary, owner.uid, owner.gid);
  }
  renameSync(temporary, path);
  fsyncDirectory(directory);
}

/** @returns true when the content differed and the file was written */
export function writeFileIfChanged(path: string, content: string, modeBits = 0o600): boolean {
  if (readFileIfPresent(path) === content) return false;
  writeFileDurably(path, content, modeBits);
  return true;
}

/** @returns true when there was something to remove */
export function removeFileDurably(path: string): boolean {
  try {
    rmSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  fsyncDirectory(dirname(path));
  return true;
}

export function readFileIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
