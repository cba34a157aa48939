/** docs/runbooks/from-patroni.md, read and followed line by line: to us, and back to Patroni. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { until } from '../until.ts';
import { PatroniPair } from './patroni-pair.ts';
import { Runbook, type Typed } from './runbook.ts';
import { RunbookCluster } from './runbook-cluster.ts';

type User = { readonly username: string; readonly password: string };

const runbook = new Runbook('from-patroni');
const LIMIT = { timeout: 300_000 };
const said: string[] = [];
let site: RunbookCluster;
let patroni: PatroniPair;
let rows = 0;

beforeAll(async () => {
  site = await RunbookCluster.create(2);
  const file = parse(readFileSync(site.clusterFile, 'utf8')) as Record<string, User>;
  const user = (name: string): User => {
    const { username = '', password = '' } = file[name] ?? {};
    return { username, password };
  };
  const users = { ...{ superuser: user('superuser') }, replication: user('replication') };
  patroni = new PatroniPair(site, { ...users, rewind: user('rewind') });
  await patroni.start();
  await site.psql(site.host('pg1'), 'CREATE TABLE kept (a int)');
  for (const controller of site.running.controllers.values()) controller.start();
}, 240_000);

afterAll(async () => {
  await patroni?.stopServices();
  await site?.remove();
}, 120_000);

async function follow(part: string): Promise<void> {
  for (const line of runbook.part(part).sessions()) {
    said.push(`${line.at}$ ${line.command}\n${await typed(line)}`);
  }
}

async function typed({ at, command }: Typed): Promise<string> {
  if (command.startsWith('matriarch ')) return typedByAdmin(command);
  const [user = '', name = ''] = at.split('@');
  const host = site.host(name);
  if (user === 'root') return serviceOf(name, command);
  const env = {
    PGDATA: host.dataDirectory,
    HOME: site.owned(`home-${name}`),
  };
  const own = command.replace('/etc/patroni/config.yml', patroni.config(host));
  // What has just been started does not answer yet; a person would try again, too.
  return again(async () => (await site.asPostgres(['sh', '-c', own], env)).stdout);
}

async function again(attempt: () => Promise<string>): Promise<string> {
  let last: unknown;
  const answer = await until(async () => {
    try {
      return { text: await attempt() };
    } catch (error) {
      last = error;
      return null;
    }
  }, 60_000).catch(() => {
    throw last;
  });
  return answer.text;
}

/** A controller that has just started may not lead yet. */
function typedByAdmin(command: string): Promise<string> {
  const own = command.replace(/\bmain\.yaml\b/, site.clusterFile);
  return again(async () => {
    const { exitCode, said: text } = await site.type(own);
    if (exitCode !== 0) throw new Error(`${command}: ${text}`);
    return text;
  });
}

/** What systemd would do with the units of this host. */
async function serviceOf(name: string, command: string): Promise<string> {
  const [, verb = '', , ...units] = command.split(' ');
  for (const unit of units) {
    if (unit === 'patroni') {
      if (verb === 'enable') patroni.startManager(site.host(name));
      else await patroni.stopManager(site.host(name));
    } else if (unit.startsWith('matriarch-agent@')) {
      if (verb === 'enable') site.startAgent(name);
      else await site.stopAgent(name);
    } else if (unit.startsWith('matriarch-guard@') && verb === 'disable') {
      await site.stopGuard(name);
    } else throw new Error(`no unit ${unit} here: ${command}`);
  }
  return '';
}

async function written(name: string): Promise<void> {
  rows += 1;
  await site.psql(site.host(name), `INSERT INTO kept VALUES (${rows})`);
}

async function holdsAll(name: string): Promise<void> {
  await until(async () => {
    const answer = await site.psql(site.host(name), 'SELECT count(*) FROM kept').catch(() => null);
    return answer?.stdout.trim() === String(rows);
  }, 60_000);
}

it(
  'before: what patroni.yml says is in the cluster file, and what will be written anew is kept',
  LIMIT,
  async () => {
    site.addToClusterFile(parse(runbook.block('bootstrap:')) as Record<string, unknown>);
    site.addToClusterFile({ parameters: { max_connections: 60 }, pgHba: ['local all all trust'] });
    await written('pg1');
    await follow('Before');
    expect(said.join('\n')).toMatch(/pg1.*Leader/);
  },
);

it('the move: each PostgreSQL is restarted once, and goes on as one of ours', LIMIT, async () => {
  await follow('The move');
  const primary = await site.whole();
  expect(primary.name).toBe('pg1');
  await written('pg1');
  await holdsAll('pg2');
  expect(said.join('\n')).toContain('cluster main is defined: PostgreSQL of pg1, pg2');
  for (const { name } of site.hosts) expect(site.agentLog(name)).not.toContain('copy in place');
  const { said: status } = await site.type('matriarch status main');
  expect(status).toMatch(/pg1.*serving/);
  said.push(`admin$ matriarch status main\n${status}`);
});

it('the way back: Patroni goes on with all that was written meanwhile', LIMIT, async () => {
  await follow('The way back');
  const primary = await patroni.streams();
  await holdsAll('pg1');
  await holdsAll('pg2');
  await written(primary.name);
  await holdsAll(primary.name === 'pg1' ? 'pg2' : 'pg1');
  const list = await site.asPostgres(['patronictl', '-c', patroni.config(primary), 'list', 'main']);
  expect(list.stdout).toMatch(new RegExp(`${primary.name}.*Leader`));
  const hba = readFileSync(join(primary.dataDirectory, 'pg_hba.conf'), 'utf8');
  expect(hba).not.toContain('Matriarch');
  said.push(list.stdout);
  if (process.env['RUNBOOK_SESSION'] !== undefined) console.info(said.join('\n'));
});
