import { closeSync, fsyncSync, openSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lsn } from '#libs/kernel';
import { parseWalFileName } from '#libs/postgres-model';
import { fsyncDirectory } from '#libs/process';
import { SlotStateError } from './slots.ts';
import type { SqlSession } from './sql-session.ts';

/** In one answer, so that the agent stays small. */
const CHUNK_BYTES = 1_048_576;
/** A slot that is further behind is left until its consumer has caught up. */
const SEGMENTS_MAX = 32;

/**
 * Brings the WAL from `from` on that is not in `pg_wal` any more, or never was: a copied logical slot
 * is of no use without it. Whole files, put in place by rename; PostgreSQL removes them with the slot.
 *
 * @returns how many files came
 * @throws SlotStateError when the source has removed it too, or it is too much
 */
export async function fetchWal(
  source: SqlSession,
  dataDirectory: string,
  from: Lsn,
): Promise<number> {
  const directory = join(dataDirectory, 'pg_wal');
  const [row] = await source.query(
    `SELECT setting::int AS bytes, ARRAY(SELECT pg_ls_dir('pg_wal', true, false)) AS files
       FROM pg_settings WHERE name = 'wal_segment_size'`,
    [],
  );
  const bytes = Number(row?.['bytes']);
  const numberOf = (name: string): bigint | null => segmentNumber(name, bytes);
  const own = readdirSync(directory).flatMap((name) => numberOf(name) ?? []);
  const first = from / BigInt(bytes);
  const oldest = own.sort((a, b) => (a < b ? -1 : 1))[0] ?? first;
  const files = Array.isArray(row?.['files']) ? row['files'].map(String) : [];
  const theirs = files.map((name) => ({ name, number: numberOf(name) }));
  const missing = theirs.filter(
    ({ number }) => number !== null && number >= first && number < oldest,
  );
  if (first >= oldest) return 0;
  if (!missing.some(({ number }) => number === first)) {
    throw new SlotStateError(`the primary has no WAL any more from where the slot begins`);
  }
  if (missing.length > SEGMENTS_MAX) {
    throw new SlotStateError(
      `${missing.length} files of WAL are missing here, more than ${SEGMENTS_MAX}: its consumer must catch up first`,
    );
  }
  // The newest first: what is there never has a hole after it.
  for (const { name } of missing.sort((a, b) => (a.name < b.name ? 1 : -1))) {
    await fetchFile(source, directory, name, bytes);
  }
  fsyncDirectory(directory);
  return missing.length;
}

async function fetchFile(source: SqlSession, directory: string, name: string, bytes: number) {
  const temporary = join(directory, `.${name}.matriarch-new`);
  const handle = openSync(temporary, 'w', 0o600);
  try {
    for (let at = 0; at < bytes; at += CHUNK_BYTES) {
      const chunk = [`pg_wal/${name}`, at, Math.min(CHUNK_BYTES, bytes - at)];
      const sql = 'SELECT pg_read_binary_file($1, $2, $3, false) AS part';
      const [row] = await source.query(sql, chunk);
      const part = row?.['part'];
      if (!Buffer.isBuffer(part)) throw new SlotStateError(`pg_wal/${name} could not be read`);
      writeFileSync(handle, part);
    }
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, join(directory, name));
}

function segmentNumber(name: string, bytes: number): bigint | null {
  const file = parseWalFileName(name, bytes);
  return file?.kind === 'segment' ? file.startLsn / BigInt(bytes) : null;
}
