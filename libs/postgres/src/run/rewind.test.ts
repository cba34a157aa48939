import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { unfinishedWork } from '#libs/process';
import { readManagedSettings, writeManagedSettings } from './config-files.ts';
import { RewindError, type RewindOutcome, rewind } from './rewind.ts';

const OF_THE_SOURCE = "primary_conninfo = 'host=upstream-of-the-source'";
const COPIES = 'echo "pg_rewind: Need to copy 10 MB" >&2';

let directory: string;
let data: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rewind-'));
  data = join(directory, 'data');
  for (const name of ['', 'pg_wal', 'pg_tblspc']) mkdirSync(join(data, name));
  writeFileSync(join(data, 'standby.signal'), '');
});

afterEach(() => rmSync(directory, { recursive: true }));

/** By a program in its place that does this. */
function rewindBy(script: string): Promise<RewindOutcome> {
  writeFileSync(join(directory, 'pg_rewind'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const installation = { binDirectory: directory, version: { major: 15, minor: 18 } };
  return rewind(installation, {
    dataDirectory: data,
    source: { host: 'pg2' },
    timeoutMs: 30_000,
  });
}

const isStandby = (): boolean => existsSync(join(data, 'standby.signal'));

it('one that is broken off in the middle leaves a directory that is never started (safety 25)', async () => {
  const failed = rewindBy(`${COPIES}\nexit 1`);
  await expect(failed).rejects.toMatchObject({ code: 'REWIND_FAILED', touched: true });
  expect(unfinishedWork(data)).toBe('pg_rewind');
});

it('one that fails before it changes anything leaves a standby', async () => {
  await expect(rewindBy('exit 1')).rejects.toBeInstanceOf(RewindError);
  expect(unfinishedWork(data)).toBeUndefined();
  expect(isStandby()).toBe(true);
});

it('what it brings of the source is forgotten: its names and whom it follows (safety 14)', async () => {
  writeManagedSettings(data, { synchronous_standby_names: 'a', primary_conninfo: 'host=pg9' });
  const autoConf = join(data, 'postgresql.auto.conf');
  const brings = `echo "${OF_THE_SOURCE}" >'${autoConf}'`;
  expect(await rewindBy(`${COPIES}\n${brings}`)).toMatchObject({ kind: 'rewound' });
  expect(readFileSync(autoConf, 'utf8')).not.toContain('primary_conninfo');
  const settings = readManagedSettings(data);
  expect(settings['primary_conninfo']).toBe('');
  expect(settings).not.toHaveProperty('synchronous_standby_names');
  expect(unfinishedWork(data)).toBeUndefined();
  expect(isStandby()).toBe(true);
});
