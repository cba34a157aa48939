/**
 * What PostgreSQL notes of its archiver in `pg_wal/archive_status`: `NAME.ready` waits for it, `NAME.done` is
 * archived. For the time when PostgreSQL does not archive itself.
 */
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fsyncDirectory, writeFileDurably } from '#libs/process';

const READY = '.ready';
const DONE = '.done';

/** The files that wait, in the order of their names. */
export function waitingForArchive(dataDirectory: string): readonly string[] {
  return readdirSync(statusDirectory(dataDirectory))
    .filter((name) => name.endsWith(READY))
    .map((name) => name.slice(0, -READY.length))
    .sort();
}

/** Has a file wait that is not archived: some tools take up only what does. */
export function askForArchive(dataDirectory: string, file: string): void {
  const path = join(statusDirectory(dataDirectory), file);
  if (existsSync(`${path}${DONE}`) || existsSync(`${path}${READY}`)) return;
  writeFileDurably(`${path}${READY}`, '');
}

export function markArchived(dataDirectory: string, file: string): void {
  const directory = statusDirectory(dataDirectory);
  renameSync(join(directory, `${file}${READY}`), join(directory, `${file}${DONE}`));
  fsyncDirectory(directory);
}

function statusDirectory(dataDirectory: string): string {
  return join(dataDirectory, 'pg_wal', 'archive_status');
}
