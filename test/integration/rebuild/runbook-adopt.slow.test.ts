/** A primary and two standbys made by hand, taken over as the runbook says. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { until } from '../until.ts';
import type { SiteHost } from './backup-site.ts';
import { Runbook } from './runbook.ts';
import { RunbookCluster } from './runbook-cluster.ts';

const LIMIT_MS = 120_000;
const adopt = new Runbook('adopt');
let site: RunbookCluster;

type Superuser = { readonly superuser: { readonly username: string; readonly password: string } };

/** As `pg_ctl` starts what an earlier system keeps. */
async function earlier({ dataDirectory, directory, port }: SiteHost): Promise<void> {
  const options = `-p ${port} -k ${directory} -c listen_addresses=127.0.0.1`;
  const log = join(directory, 'earlier.log');
  await site.asPostgres(['pg_ctl', 'start', '-w', '-D', dataDirectory, '-l', log, '-o', options]);
}

/** Postmasters by their first line. */
const pids = () =>
  site.hosts.map(({ dataDirectory }) => {
    const file = join(dataDirectory, 'postmaster.pid');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n')[0] : null;
  });

beforeAll(async () => {
  site = await RunbookCluster.create(3, 'orders');
  const [first, ...others] = site.hosts;
  if (first === undefined) throw new Error('there are three hosts');
  const { dataDirectory, directory, port } = first;
  await site.asPostgres(['initdb', '-A', 'trust', '-k', '-N', '-D', dataDirectory]);
  await earlier(first);
  await site.psql(first, 'CREATE TABLE kept AS SELECT 7 AS a');
  // The file names what the database has already.
  const { superuser } = parse(readFileSync(site.clusterFile, 'utf8')) as Superuser;
  await site.psql(first, `ALTER ROLE ${superuser.username} PASSWORD '${superuser.password}'`);
  for (const other of others) {
    const from = ['-h', directory, '-p', String(port), '-R', '-c', 'fast'];
    await site.asPostgres(['pg_basebackup', ...from, '-D', other.dataDirectory]);
    await earlier(other);
  }
}, 240_000);

afterAll(async () => {
  await site?.remove();
}, 120_000);

it('adopt: looked at, ordered, each restarted once', { timeout: 240_000 }, async () => {
  const before = pids();
  expect(before).not.toContain(null);
  for (const controller of site.running.controllers.values()) controller.start();
  for (const { name } of site.hosts) site.startAgent(name);
  for (const { name } of site.hosts)
    await until(
      () => /the controllers know no cluster 'orders'/.test(site.agentLog(name)),
      LIMIT_MS,
    );
  await until(() => /PostgreSQL runs in .*no guard has left it there/s.test(logs()), LIMIT_MS);
  expect(pids()).toEqual(before);

  site.addToClusterFile(parse(adopt.block('bootstrap:')) as Record<string, object>);
  const [create = ''] = adopt.commands('matriarch cluster create');
  const created = await site.type(create.replace('orders.yaml', site.clusterFile));
  expect(created).toMatchObject({ exitCode: 0 });
  expect((await site.whole()).name).toBe('pg1');
  for (const pid of pids()) expect(before).not.toContain(pid);
  for (const host of site.hosts)
    expect((await site.psql(host, 'SELECT a FROM kept')).stdout.trim()).toBe('7');
  const [events = ''] = adopt.commands('matriarch events');
  const told = await site.type(events.replace(' --follow', ' --after 0'));
  expect(told.exitCode).toBe(0);
  expect(told.said).not.toMatch(/built anew|copied/);
  for (const command of [
    ...adopt.commands('matriarch explain'),
    ...adopt.commands('matriarch status'),
  ])
    expect(await site.type(command)).toMatchObject({ exitCode: 0 });
});

const logs = () => site.hosts.map(({ name }) => site.guardLog(name)).join('\n');
