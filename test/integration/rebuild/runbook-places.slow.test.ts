/** Followed as written: the first data directory prepared by a program, and a base backup with a tablespace and a `pg_wal` elsewhere. */
import { existsSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { run } from '#libs/process';
import { Runbook } from './runbook.ts';
import { RunbookCluster } from './runbook-cluster.ts';

const LIMIT = { timeout: 240_000 };
const basebackup = new Runbook('backup-basebackup');
const firstData = new Runbook('hooks').part('Prepare the first data directory');
let site: RunbookCluster;

/** With this test's places in the place of the runbook's. */
function here(text: string): string {
  const { directory } = site;
  return text
    .replaceAll('/usr/local/bin/', `${directory}/bin/`)
    .replaceAll(/\/(?=srv\/|mnt\/)/g, `${directory}/`);
}

beforeAll(async () => {
  site = await RunbookCluster.create(2);
  site.owned('bin');
  site.write('bin/first-data', firstData.block('#!/bin/sh'), 0o755);
  for (const { name } of site.hosts) {
    site.addToAgentFile(name, parse(here(firstData.block('hooks:'))) as Record<string, object>);
  }
  // The commands of the runbook are about pg2.
  site.addToAgentFile('pg2', { tags: { noFailover: true } });
  await site.start();
  expect((await site.whole()).name).toBe('pg1');
}, 240_000);

afterAll(async () => {
  await site?.remove();
}, 120_000);

it('hooks: the first data has what the program made, and so have the standbys', LIMIT, async () => {
  const sql = `SELECT datname FROM pg_database JOIN pg_roles ON datdba = pg_roles.oid WHERE rolname = $$app$$`;
  for (const host of site.hosts) expect((await site.psql(host, sql)).stdout.trim()).toBe('app');
});

it('backup-basebackup: the copy lies where the agent file says', LIMIT, async () => {
  const [pg1, pg2] = [site.host('pg1'), site.host('pg2')];
  // Both share this machine: pg2 must not replay that its tablespace is made where that of pg1 is.
  await site.stopAgent('pg2');
  await site.stopGuard('pg2');
  rmSync(pg2.dataDirectory, { recursive: true });
  site.owned('srv');
  const location = site.owned('srv', 'ts1');
  await site.psql(pg1, `CREATE TABLESPACE ts1 LOCATION '${location}'`);
  await site.psql(pg1, 'CREATE TABLE far TABLESPACE ts1 AS SELECT 5 AS a');

  const keys = parse(here(basebackup.block('postgres:'))) as Record<string, object>;
  site.addToAgentFile('pg2', keys);
  const [made = ''] = basebackup.commands('install');
  await run(['sh', '-c', here(made)], { timeoutMs: 20_000 });
  site.startAgent('pg2');
  await site.whole();
  await liesElsewhere();
  // The first copy is recorded a moment after it streams: before that `reinit` says that one is under way.
  await site.shows('pg2', ({ rebuild }) => rebuild === null);
  const command = basebackup.commands('matriarch reinit').at(-1) ?? '';
  expect(command).toContain('--follow');
  const { exitCode, said } = await site.type(command);
  expect(exitCode, said).toBe(0);
  await site.whole();
  await liesElsewhere();

  async function liesElsewhere(): Promise<void> {
    const tablespaces = join(pg2.dataDirectory, 'pg_tblspc');
    const [oid = ''] = readdirSync(tablespaces);
    expect(readlinkSync(join(tablespaces, oid))).toBe(join(site.directory, 'mnt', 'ts1'));
    const wal = join(site.directory, 'srv', 'wal', 'main');
    expect(readlinkSync(join(pg2.dataDirectory, 'pg_wal'))).toBe(wal);
    expect(existsSync(join(wal, 'archive_status'))).toBe(true);
    expect((await site.psql(pg2, 'SELECT a FROM far')).stdout.trim()).toBe('5');
  }
});
