import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CopyPlaces, dataPlacesOf } from '../run/data-places.ts';

export function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** `pg1` in `root`, an instance whose WAL and one tablespace lie elsewhere; `text` is in each of the three. */
export function linkedInstance(root: string, text: string): void {
  makeInstance(join(root, 'pg1'), join(root, 'wal'), join(root, 'ts'), text);
}

/** A complete copy beside it, of a server that calls the tablespace `/there`. */
export async function copyBeside(root: string, text: string): Promise<CopyPlaces> {
  const copy = new CopyPlaces(dataPlacesOf(join(root, 'pg1')), { '/there': join(root, 'ts') });
  await copy.prepare();
  const tablespace = copy.tablespace('/there');
  makeInstance(copy.dataDirectory, copy.walDirectory ?? '', tablespace, text);
  return copy;
}

/** What is read through a data directory: from itself, its WAL and its tablespace. */
export function textsOf(directory: string): string[] {
  return ['base/1', 'pg_wal/000000010000000000000001', 'pg_tblspc/16400/PG_15_1/2'].map((name) =>
    readFileSync(join(directory, name), 'utf8'),
  );
}

function makeInstance(directory: string, wal: string, tablespace: string, text: string): void {
  put(join(directory, 'PG_VERSION'), '15\n');
  put(join(directory, 'base', '1'), text);
  put(join(wal, '000000010000000000000001'), text);
  put(join(tablespace, 'PG_15_1', '2'), text);
  mkdirSync(join(directory, 'pg_tblspc'));
  symlinkSync(wal, join(directory, 'pg_wal'));
  symlinkSync(tablespace, join(directory, 'pg_tblspc', '16400'));
}
