import { readFileSync } from 'node:fs';

const SYSV_SEGMENTS = '/proc/sysvipc/shm';

/**
 * How many processes have the System V segment attached; 0 also when there is no such segment.
 * PostgreSQL names its segment in line 7 of `postmaster.pid`.
 */
export function sharedMemoryAttachments(shmId: number, table = SYSV_SEGMENTS): number {
  return parseAttachments(readFileSync(table, 'utf8'), shmId);
}

/** Finds the columns by their heading: their number differs between kernels. */
export function parseAttachments(text: string, shmId: number): number {
  const [heading, ...rows] = text.split('\n');
  const columns = (heading ?? '').trim().split(/\s+/);
  const idColumn = columns.indexOf('shmid');
  const attachedColumn = columns.indexOf('nattch');
  for (const row of rows) {
    const cells = row.trim().split(/\s+/);
    if (Number(cells[idColumn]) === shmId && row.trim() !== '') {
      return Number(cells[attachedColumn]);
    }
  }
  return 0;
}
