import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { askForArchive, markArchived, waitingForArchive } from './archive-status.ts';

const [first, second] = ['000000010000000000000001', '000000010000000000000002'];

let data: string;
const status = () => join(data, 'pg_wal', 'archive_status');

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'mta-'));
  mkdirSync(status(), { recursive: true });
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

it('names what waits, in order, and nothing that is archived', () => {
  for (const name of [`${second}.ready`, `${first}.ready`, '00000002.history.done']) {
    writeFileSync(join(status(), name), '');
  }
  expect(waitingForArchive(data)).toEqual([first, second]);
  markArchived(data, first);
  expect(waitingForArchive(data)).toEqual([second]);
});

it('asks once for a file, and never again for one that is archived', () => {
  askForArchive(data, first);
  askForArchive(data, first);
  expect(readdirSync(status())).toEqual([`${first}.ready`]);
  markArchived(data, first);
  askForArchive(data, first);
  expect(readdirSync(status())).toEqual([`${first}.done`]);
});
