import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { unfinishedWork } from '#libs/process';
import { CopyPlaces, dataPlacesOf } from './data-places.ts';
import { discardCopy, swapIn } from './swap-in.ts';
import { finishSwap } from './swap-journal.ts';

let root: string;
let data: string;
let wal: string;
let tablespace: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'mtstray-')));
  data = join(root, 'pg1');
  wal = join(root, 'wal');
  tablespace = join(root, 'ts');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A copy whose WAL and tablespace go where this host's configuration has them. */
async function copied(): Promise<CopyPlaces> {
  const copy = new CopyPlaces({ ...dataPlacesOf(data), walDirectory: wal });
  await copy.prepare();
  const place = copy.tablespace(tablespace);
  put(join(copy.dataDirectory, 'PG_VERSION'), '15\n');
  put(join(copy.walDirectory ?? '', '000000010000000000000001'), 'new');
  put(join(place, 'PG_15_1', '2'), 'new');
  return copy;
}

it.each([
  ['the WAL directory', () => join(wal, '000000010000000000000001')],
  ['a tablespace', () => join(tablespace, 'PG_15_1', '2')],
])(
  'nothing takes the place of what %s holds of a data directory that was moved away',
  async (_, stray) => {
    put(stray(), 'old');
    const copy = await copied();
    await expect(swapIn(copy, true)).rejects.toMatchObject({ code: 'PLACE_TAKEN' });
    expect(unfinishedWork(data)).toBeUndefined();
    await discardCopy(copy);
    expect(readFileSync(stray(), 'utf8')).toBe('old');
    rmSync(wal, { recursive: true, force: true });
    rmSync(tablespace, { recursive: true, force: true });
    await swapIn(await copied(), true);
    expect(readFileSync(join(data, 'pg_wal', '000000010000000000000001'), 'utf8')).toBe('new');
  },
);

it('what the instance that is replaced links to is no stray, by whatever path it is named', async () => {
  put(join(root, 'volume', '000000010000000000000001'), 'old');
  symlinkSync(join(root, 'volume'), wal);
  put(join(data, 'PG_VERSION'), '15\n');
  symlinkSync(wal, join(data, 'pg_wal'));
  const copy = await copied();
  await swapIn(copy, true);
  expect(readFileSync(join(data, 'pg_wal', '000000010000000000000001'), 'utf8')).toBe('new');
});

it('a copy whose swap broke off in the middle is kept, for that is what the swap goes on with', async () => {
  const copy = await copied();
  const breaking = (index: number): void => {
    if (index === 1) throw new Error('no space left');
  };
  await expect(swapIn(copy, true, breaking)).rejects.toThrow('no space left');
  await discardCopy(copy);
  await finishSwap(data);
  expect(readFileSync(join(data, 'pg_wal', '000000010000000000000001'), 'utf8')).toBe('new');
  expect(readdirSync(join(tablespace, 'PG_15_1'))).toEqual(['2']);
});
