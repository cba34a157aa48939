import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { removeFileDurably, writeFileDurably } from '#libs/process';

/**
 * Tells our restore wrapper to answer "not found": in 12 and 13 `restore_command` cannot be emptied by
 * a reload, and a detached standby must not replay what the old primary archives afterwards.
 */
export const DETACHED_MARK = 'matriarch.detached';

export function putDetachedMark(dataDirectory: string): void {
  if (!isMarkedDetached(dataDirectory)) writeFileDurably(join(dataDirectory, DETACHED_MARK), '');
}

export function clearDetachedMark(dataDirectory: string): boolean {
  return removeFileDurably(join(dataDirectory, DETACHED_MARK));
}

export function isMarkedDetached(dataDirectory: string): boolean {
  return existsSync(join(dataDirectory, DETACHED_MARK));
}
