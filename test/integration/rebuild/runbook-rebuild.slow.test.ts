/** What a cluster that runs is told for pgBackRest, and a new cluster at a point in time: as written. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { until } from '../until.ts';
import { localTools } from './rig-backups.ts';
import { Runbook } from './runbook.ts';
import { RunbookCluster } from './runbook-cluster.ts';
import { shareRepository } from './shared-repository.ts';

const LIMIT_MS = 120_000;
const LIMIT = { timeout: 240_000 };
const rebuild = new Runbook('rebuild');
const pgbackrest = new Runbook('backup-pgbackrest');
const bootstrap = new Runbook('bootstrap');
let main: RunbookCluster;
let restored: RunbookCluster;

function backupSection(site: RunbookCluster, file: (name: string) => string): void {
  for (const { name } of site.hosts) {
    const config = join(site.directory, file(name));
    const section = pgbackrest.block('backup:').replaceAll('/etc/pgbackrest.conf', config);
    site.addToAgentFile(name, parse(section) as Record<string, object>);
  }
}

async function typed(site: RunbookCluster, text: string): Promise<string> {
  const { exitCode, said } = await site.type(text);
  expect({ text, exitCode, said }).toMatchObject({ exitCode: 0 });
  return said;
}

async function answer(site: RunbookCluster, name: string, sql: string): Promise<string> {
  return (await site.psql(site.host(name), sql)).stdout.trim();
}

beforeAll(async () => {
  main = await RunbookCluster.create(2);
  localTools.prepare(main);
  backupSection(main, (name) => `pgbackrest-${name}.conf`);
  await main.start();
  expect((await main.whole()).name).toBe('pg1');
}, 240_000);

afterAll(async () => {
  await restored?.remove();
  await main?.remove();
}, 120_000);

it('rebuild: a cluster that runs gets a list, an archive, and a standby by it', LIMIT, async () => {
  const [set = '', ...more] = rebuild.lines('matriarch config set');
  expect(more).toEqual([]);
  await typed(main, set);
  await main.shows('pg1', ({ pendingRestart }) => pendingRestart.length > 0);
  const [restart = ''] = rebuild.commands('matriarch restart');
  await typed(main, restart);
  // The primary was restarted after a switchover, and the commands of the runbooks are about pg2.
  if ((await main.whole()).name === 'pg2') await typed(main, 'matriarch switchover main --to pg1');
  expect((await main.whole()).name).toBe('pg1');
  for (const { name } of main.hosts)
    expect(await answer(main, name, 'SHOW archive_mode')).not.toBe('off');

  const env = { PGBACKREST_CONFIG: join(main.directory, 'pgbackrest-pg1.conf') };
  for (const text of pgbackrest.commands('pgbackrest').filter((one) => one.includes('--stanza')))
    await main.asPostgres(['sh', '-c', text], env);
  const [look = '', order = ''] = rebuild.lines('matriarch reinit');
  expect(await typed(main, look)).toMatch(/pgbackrest\s+ok/);
  expect(await typed(main, order)).toContain('pg2 is built anew by pgbackrest and streams');
  await main.whole();
});

it('bootstrap: a dropped table is in a new cluster that ends before the drop', LIMIT, async () => {
  await main.psql(main.host('pg1'), 'CREATE TABLE kept AS SELECT 7 AS a');
  const backedUp = await answer(main, 'pg1', 'SELECT now()');
  expect(backedUp).not.toBe('');
  await main.psql(main.host('pg1'), 'SELECT pg_sleep(2)');
  const before = await answer(main, 'pg1', 'SELECT now()');
  await main.psql(main.host('pg1'), 'SELECT pg_sleep(0.1)');
  await main.psql(main.host('pg1'), 'DROP TABLE kept');
  await main.psql(main.host('pg1'), 'SELECT pg_switch_wal()');

  restored = await RunbookCluster.create(2, 'restored');
  shareRepository(restored, join(main.directory, 'repository'));
  backupSection(restored, (name) => `${name}.conf`);
  const target = bootstrap.block('bootstrap:').replace('2026-11-26 12:00:00+00', before);
  expect(target).toContain(before);
  restored.addToClusterFile(parse(target) as Record<string, object>);
  for (const controller of restored.running.controllers.values()) controller.start();
  const [create = ''] = bootstrap.commands('matriarch cluster create');
  const own = create.replace('restored.yaml', restored.clusterFile);
  await until(async () => (await restored.type(own)).exitCode === 0, LIMIT_MS);
  for (const { name } of restored.hosts) restored.startAgent(name);
  await restored.whole();
  for (const { name } of restored.hosts)
    expect(await answer(restored, name, 'SELECT a FROM kept')).toBe('7');
  const [status = ''] = bootstrap.commands('matriarch status');
  expect(await typed(restored, status)).toMatch(/Cluster restored .*timeline 4/);
});
