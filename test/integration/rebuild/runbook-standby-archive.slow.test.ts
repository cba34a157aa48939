/** Followed as written: a second site that follows the archive of the first one alone, and takes the writing over from it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { until } from '../until.ts';
import type { SiteHost } from './backup-site.ts';
import { Runbook } from './runbook.ts';
import { RunbookCluster } from './runbook-cluster.ts';
import { repositoryConfig, shareRepository } from './shared-repository.ts';

const LIMIT_MS = 120_000;
const LIMIT = { timeout: 240_000 };
const part = new Runbook('standby-cluster').part('Follow an archive alone');
let main: RunbookCluster;
let dr: RunbookCluster;

beforeAll(async () => {
  main = await RunbookCluster.create(2);
  dr = await RunbookCluster.create(2, 'dr');
  const repository = main.owned('repository');
  for (const site of [main, dr]) {
    shareRepository(site, repository);
    for (const { name } of site.hosts) {
      site.addToAgentFile(name, repositoryConfig(site.directory, name) as Record<string, object>);
    }
    site.addToClusterFile({ archive: { tool: 'pgbackrest' } });
  }
  const file = parse(readFileSync(main.clusterFile, 'utf8')) as Record<string, object>;
  const users = ['superuser', 'replication', 'rewind'].map((role) => [role, file[role]]);
  dr.addToClusterFile(Object.fromEntries(users) as Record<string, object>);
  dr.addToClusterFile(parse(part.block('standbyOf:')) as Record<string, object>);
  await main.start();
  const primary = await main.whole();
  await pgbackrest(primary, 'stanza-create');
  await main.psql(primary, 'CREATE TABLE kept AS SELECT 1 AS a');
  await pgbackrest(primary, 'backup', '--type=full');
  await write(main, primary, 2);
}, 240_000);

afterAll(async () => {
  await dr?.remove();
  await main?.remove();
}, 120_000);

async function pgbackrest({ name }: SiteHost, ...words: string[]): Promise<void> {
  const config = `--config=${join(main.directory, `${name}.conf`)}`;
  await main.asPostgres(['pgbackrest', config, '--stanza=main', ...words]);
}

/** A row, in a segment that is archived. */
async function write(site: RunbookCluster, primary: SiteHost, row: number): Promise<void> {
  await site.psql(primary, `INSERT INTO kept VALUES (${row})`);
  await site.psql(primary, 'SELECT pg_switch_wal()');
}

async function hold(site: RunbookCluster, rows: number): Promise<void> {
  for (const host of site.hosts) {
    const held = () => site.psql(host, 'SELECT count(*) FROM kept').catch(() => ({ stdout: '' }));
    await until(async () => (await held()).stdout.trim() === String(rows), LIMIT_MS, 200);
  }
}

/** Its passwords are those of the first site: nobody but PostgreSQL's own user gets in by those of its plan. */
async function writable(site: RunbookCluster): Promise<SiteHost | undefined> {
  for (const host of site.hosts) {
    const recovery = await site.psql(host, 'SELECT pg_is_in_recovery()').catch(() => null);
    if (recovery?.stdout.trim() === 'f') return host;
  }
  return undefined;
}

it('is restored from the newest backup, replays what is archived, and says so', LIMIT, async () => {
  await dr.start();
  await hold(dr, 2);
  const { said } = await dr.type('matriarch status');
  expect(said).toContain('follows the pgbackrest archive');
  // Its leader streams from nobody, the other one from it.
  const receivers = async () => {
    const count = 'SELECT count(*) FROM pg_stat_wal_receiver';
    const counts = dr.hosts.map(async (host) => (await dr.psql(host, count)).stdout.trim());
    return (await Promise.all(counts)).sort().join();
  };
  await until(async () => (await receivers()) === '0,1', LIMIT_MS, 200);
});

it('takes the writing over without loss, and the first one follows', LIMIT, async () => {
  const [demote = ''] = part.commands('matriarch demote-cluster');
  const [promote = ''] = part.commands('matriarch promote-cluster');
  expect(demote).toContain('--archive pgbackrest');
  const demoted = await main.type(demote);
  expect(demoted.exitCode, demoted.said).toBe(0);
  const [, ended = ''] = /it ended at (\S+@\d+)/.exec(demoted.said) ?? [];
  expect(ended, demoted.said).not.toBe('');

  const command = promote.replace(/\s+/g, ' ').replace('...', ended);
  let turned = await dr.type(command);
  await until(
    async () => {
      // Refused for nothing but what is still on its way.
      if (turned.exitCode !== 0) expect(turned.said).toContain('wal-missing');
      else return true;
      turned = await dr.type(command);
      return false;
    },
    LIMIT_MS,
    500,
  );
  const primary = await until(() => writable(dr), LIMIT_MS, 200);
  await hold(dr, 2);
  await write(dr, primary, 3);
  await hold(main, 3);
  expect((await main.type('matriarch status')).said).toContain('follows the pgbackrest archive');
});
