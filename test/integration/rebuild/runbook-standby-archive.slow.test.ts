/** A standby cluster that follows an archive, begun and turned as its runbook says, by two clusters with controllers of their own. */
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
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
const begin = new Runbook('standby-cluster').part('Begin');
const archive = new Runbook('standby-cluster').part('Follow an archive alone');
const pgbackrest = new Runbook('backup-pgbackrest');
let main: RunbookCluster;
let dr: RunbookCluster;

type Keys = Readonly<Record<string, object>>;

const repository = (...names: string[]) => join(main.directory, 'repository', ...names);

/** The keys of `backup`, with this test's place of an instance's pgBackRest configuration. */
function backupSection(site: RunbookCluster, file: (name: string) => string): void {
  for (const { name } of site.hosts) {
    const config = join(site.directory, file(name));
    const section = pgbackrest.block('backup:').replaceAll('/etc/pgbackrest.conf', config);
    site.addToAgentFile(name, parse(section) as Keys);
  }
}

function command(beginning: string, last = ''): string {
  const found = archive.commands('matriarch').find((typed) => typed.startsWith(beginning));
  if (found === undefined) throw new Error(`the runbook has no '${beginning}'`);
  expect(found.endsWith(last === '' ? '' : '...')).toBe(true);
  return found.replace('...', last);
}

async function typed(site: RunbookCluster, text: string): Promise<string> {
  const { exitCode, said } = await site.type(text);
  expect({ text, exitCode, said }).toMatchObject({ exitCode: 0 });
  return said;
}

const lastWritten = (said: string) => /ended at ([0-9A-F]+\/[0-9A-F]+@\d+)/.exec(said)?.[1] ?? '';

/** Which instances of it answer 200 there. */
async function answering(site: RunbookCluster, path: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const { name, host, agentPort } of site.running.plan.instances) {
    const { status } = await fetch(`http://${host.address}:${agentPort}${path}`);
    if (status === 200) names.push(name);
  }
  return names;
}

async function leaderOf(site: RunbookCluster): Promise<string> {
  const found = await until(async () => {
    const leaders = await answering(site, '/standby-leader').catch(() => []);
    return leaders.length === 1 ? leaders : null;
  }, LIMIT_MS);
  return found[0] ?? '';
}

async function primaryOf(site: RunbookCluster) {
  const found = await until(async () => {
    const primaries = await answering(site, '/primary').catch(() => []);
    return primaries.length === 1 ? primaries : null;
  }, LIMIT_MS);
  return site.host(found[0] ?? '');
}

/** Every instance has these rows. */
async function holds(site: RunbookCluster, rows: string): Promise<void> {
  for (const host of site.hosts) {
    let seen = '';
    const has = async () => {
      const sql = 'SELECT string_agg(a::text, $$ $$ ORDER BY a) FROM kept';
      seen = await site.psql(host, sql).then(({ stdout }) => stdout.trim(), String);
      return seen === rows;
    };
    await until(has, LIMIT_MS).catch((cause: unknown) => {
      throw new Error(`${host.directory} has ${seen}, not ${rows}`, { cause });
    });
  }
}

async function write(site: RunbookCluster, row: number): Promise<void> {
  await site.psql(await primaryOf(site), `INSERT INTO kept VALUES (${row})`);
}

/** As `archive_timeout` does it. */
async function endSegment(site: RunbookCluster): Promise<void> {
  await site.psql(await primaryOf(site), 'SELECT pg_switch_wal()');
}

beforeAll(async () => {
  main = await RunbookCluster.create(2);
  localTools.prepare(main);
  backupSection(main, (name) => `pgbackrest-${name}.conf`);
  main.addToClusterFile(parse(pgbackrest.block('rebuild:')) as Keys);
  await main.start();
  const primary = await main.whole();
  await main.psql(primary, 'CREATE TABLE kept AS SELECT 1 AS a');
  const env = { PGBACKREST_CONFIG: join(main.directory, `pgbackrest-${primary.name}.conf`) };
  for (const text of pgbackrest.commands('pgbackrest').filter((one) => one.includes('--stanza')))
    await main.asPostgres(['sh', '-c', text], env);
  await write(main, 2);
  await endSegment(main);
}, 240_000);

afterAll(async () => {
  await dr?.remove();
  await main?.remove();
}, 120_000);

it('begins with a backup, and follows what is archived', LIMIT, async () => {
  dr = await RunbookCluster.create(2, 'dr');
  shareRepository(dr, repository());
  backupSection(dr, (name) => `${name}.conf`);
  const first = parse(readFileSync(main.clusterFile, 'utf8')) as Keys;
  const { superuser = {}, replication = {}, rewind = {} } = first;
  dr.addToClusterFile({ superuser, replication, rewind });
  dr.addToClusterFile(parse(pgbackrest.block('rebuild:')) as Keys);
  dr.addToClusterFile(parse(archive.block('standbyOf:')) as Keys);
  const [create = ''] = begin.commands('matriarch cluster create');
  for (const controller of dr.running.controllers.values()) controller.start();
  await until(async () => {
    const text = create.replace('dr.yaml', dr.clusterFile);
    return (await dr.type(text)).exitCode === 0;
  }, LIMIT_MS);
  for (const { name } of dr.hosts) dr.startAgent(name);

  await holds(dr, '1 2');
  await write(main, 3);
  await endSegment(main);
  await holds(dr, '1 2 3');
  const leader = await leaderOf(dr);
  expect(await answering(dr, '/primary')).toEqual([]);
  const other = leader === 'pg1' ? 'pg2' : 'pg1';
  await dr.shows(leader, ({ lagBytes }) => lagBytes === null);
  await dr.shows(other, ({ state, lagBytes }) => state === 'streaming' && lagBytes !== null);
  const said = await typed(dr, command('matriarch status'));
  expect(said).toContain('Cluster dr  standby cluster, follows the pgbackrest archive');
  const receivers = 'SELECT count(*) FROM pg_stat_wal_receiver';
  expect((await dr.psql(dr.host(leader), receivers)).stdout.trim()).toBe('0');
  expect((await dr.psql(dr.host(other), receivers)).stdout.trim()).toBe('1');
  const { said: refused, exitCode } = await dr.type('matriarch promote-cluster dr');
  expect({ refused, exitCode }).toMatchObject({ exitCode: 1 });
  expect(refused).toContain('--last-written');
});

it('turns the writing, and waits for the last segment', LIMIT, async () => {
  const [version = ''] = readdirSync(repository('archive', 'main')).filter((name) =>
    /^\d/.test(name),
  );
  const closed = repository('archive', 'main', version, '0000000100000000');
  chmodSync(closed, 0o500);
  await write(main, 4);
  const end = lastWritten(await typed(main, command('matriarch demote-cluster main')));
  const promote = command('matriarch promote-cluster dr --last-written', end);
  const { exitCode, said } = await dr.type(promote);
  expect({ said, exitCode }).toMatchObject({ exitCode: 1 });
  expect(said).toContain('wal-missing');
  expect(await typed(main, 'matriarch status')).toMatch(/last WAL/);

  chmodSync(closed, 0o750);
  expect(await typed(dr, promote)).toContain('is the primary of dr, on timeline 2');
  await holds(dr, '1 2 3 4');
  await write(dr, 5);
  await endSegment(dr);
  await holds(main, '1 2 3 4 5');
  const status = await typed(main, command('matriarch status'));
  expect(status).toContain('Cluster main  standby cluster, follows the pgbackrest archive');
  expect(status).not.toMatch(/last WAL/);
});

it('changes whom it follows: a host, and the archive again', LIMIT, async () => {
  const { port } = await primaryOf(dr);
  await typed(main, `matriarch demote-cluster main --host 127.0.0.1 --port ${port}`);
  const leader = main.host(await leaderOf(main));
  const receivers = 'SELECT count(*) FROM pg_stat_wal_receiver';
  const receives = async () => (await main.psql(leader, receivers)).stdout.trim();
  await until(async () => (await receives()) === '1', LIMIT_MS);
  await write(dr, 6);
  await holds(main, '1 2 3 4 5 6');
  await typed(main, command('matriarch demote-cluster main'));
  await until(async () => (await receives()) === '0', LIMIT_MS);
  await write(dr, 7);
  await endSegment(dr);
  await holds(main, '1 2 3 4 5 6 7');
});

it('turns it the other way with the same two commands', LIMIT, async () => {
  await write(dr, 8);
  const demote = command('matriarch demote-cluster main').replace('main', 'dr');
  const end = lastWritten(await typed(dr, demote));
  const promote = command('matriarch promote-cluster dr', end).replace('dr', 'main');
  expect(await typed(main, promote)).toContain('is the primary of main, on timeline 3');
  await write(main, 9);
  await endSegment(main);
  for (const site of [main, dr]) await holds(site, '1 2 3 4 5 6 7 8 9');
});
