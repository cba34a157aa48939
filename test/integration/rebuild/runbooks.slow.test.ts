/** The runbooks of the rebuild methods, read and followed: files, the tools' commands, and the real command line. */
import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { RebuildMethod } from '#libs/cluster';
import { osUser, ProcessesInDirectory, run } from '#libs/process';
import { POSTGRES_BIN } from '../postgres-binaries.ts';
import { until } from '../until.ts';
import { BackupHosts } from './backup-hosts.ts';
import { localTools } from './rig-backups.ts';
import { Runbook } from './runbook.ts';
import { RunbookCluster } from './runbook-cluster.ts';

const runbooks = {
  pgbackrest: new Runbook('backup-pgbackrest'),
  walg: new Runbook('backup-walg'),
  custom: new Runbook('backup-custom'),
  basebackup: new Runbook('backup-basebackup'),
  barman: new Runbook('backup-barman'),
};
const rewind = new Runbook('rewind');
const path = process.env['PATH'];
const LIMIT = { timeout: 240_000 };
let site: RunbookCluster;
let backups: BackupHosts;

/** The `backup` section of a runbook, with this test's paths in the place of its own. */
function sectionOf(runbook: Runbook, name: string): { readonly backup: object } {
  const { directory } = site;
  const own = runbook
    .block('backup:')
    .replaceAll('/etc/pgbackrest.conf', join(directory, `pgbackrest-${name}.conf`))
    .replaceAll('/etc/wal-g.env', join(directory, 'wal-g.env'))
    .replaceAll('/usr/local/bin/', `${directory}/bin/`);
  return parse(own) as { backup: object };
}

/** Of the cluster's file, beside what a demo has. */
function clusterKeys() {
  const { archive } = parse(runbooks.pgbackrest.block('rebuild:')) as { archive: object };
  return {
    archive,
    rebuild: { methods: ['pg_rewind', 'basebackup', 'pgbackrest', 'walg', 'custom', 'barman'] },
    bootstrap: { sql: ['CREATE ROLE barman LOGIN SUPERUSER REPLICATION'] },
    pgHba: [
      ...['local all all trust', 'local replication all trust'],
      ...['host all barman 127.0.0.1/32 trust', 'host replication barman 127.0.0.1/32 trust'],
    ],
  };
}

beforeAll(async () => {
  site = await RunbookCluster.create(3);
  backups = new BackupHosts(site);
  process.env['PATH'] = `${site.owned('bin')}:${await backups.prepare()}:${path}`;
  await backups.startSsh();
  localTools.prepare(site);
  const program = join(site.directory, 'bin', 'wal-g');
  copyFileSync(join(site.directory, 'wal-g'), program);
  chmodSync(program, 0o755);
  const env = `WALG_FILE_PREFIX=${site.owned('walg')}\nPATH=${site.directory}/bin:${POSTGRES_BIN}:/usr/bin:/bin\n`;
  site.write('wal-g.env', env);
  site.write('bin/restore-standby', runbooks.custom.block('#!/bin/sh'), 0o755);
  site.addToClusterFile(clusterKeys());
  for (const { name } of site.hosts) {
    for (const runbook of [runbooks.pgbackrest, runbooks.walg, runbooks.custom])
      site.addToAgentFile(name, sectionOf(runbook, name));
    // The commands of the runbooks are about pg2 and pg3.
    site.addToAgentFile(name, { tags: { noFailover: name !== 'pg1' } });
  }
  await site.start();
  expect((await site.whole()).name).toBe('pg1');
  await site.psql(site.host('pg1'), 'CREATE TABLE kept AS SELECT 7 AS a');
}, 240_000);

afterAll(async () => {
  process.env['PATH'] = path;
  backups?.stop();
  await site?.remove();
}, 120_000);

/** The lines of a runbook that are about the method: what it would do, then the rebuild itself. */
async function reinit(method: RebuildMethod, runbook: Runbook): Promise<void> {
  const commands = runbook.commands('matriarch reinit');
  const rebuilds = commands.filter((command) => command.includes(`--method ${method}`));
  expect(rebuilds.length).toBeGreaterThan(0);
  for (const command of commands) {
    const { exitCode, said } = await site.type(command);
    expect({ command, exitCode, said }).toMatchObject({ exitCode: 0 });
    if (command.includes('--dry-run')) expect(said).toMatch(new RegExp(`${method}\\s+ok`));
    if (command.includes('--follow')) {
      expect(said).toContain(`pg2 is built anew by ${method} and streams`);
    }
    // What was ordered without watching it.
    await site.shows('pg2', ({ rebuild }) => rebuild === null);
    await site.whole();
  }
  const kept = await site.psql(site.host('pg2'), 'SELECT a FROM kept');
  expect(kept.stdout.trim()).toBe('7');
}

/** The diverged pg1 is left as it is, says what a rewind would do, and comes back. */
async function lookedAtFirst(): Promise<void> {
  const part = rewind.part('Look first');
  const [hold = '', look = '', release = ''] = part.commands('matriarch');
  expect(await site.type(hold)).toMatchObject({ exitCode: 0 });
  site.startAgent('pg1');
  await site.shows('pg1', ({ agent, maintenance, state }) => {
    return (agent.heardAgeMs ?? 60_000) < 2_000 && maintenance && state === 'stopped';
  });
  const { exitCode, said } = await site.type(look);
  const [method = '', verdict = ''] = part.block('pg_rewind   ok').trim().split(/\s+/);
  expect(said).toMatch(new RegExp(`${method}\\s+${verdict}\\s.*in place`));
  expect(said).not.toContain('basebackup');
  expect(exitCode).toBe(0);
  expect(site.agentLog('pg1')).not.toContain('rewound');
  expect(await site.type(release)).toMatchObject({ exitCode: 0 });
}

/** What is typed on the Barman host, beside the cron that runs there. */
async function barmansOwn(): Promise<void> {
  const typed = (verb: string) => {
    const found = runbooks.barman.commands('barman').filter((one) => one.startsWith(verb));
    expect(found).toHaveLength(1);
    return backups.barman(...(found[0] ?? '').split(' ').slice(1));
  };
  expect(await typed('barman check')).not.toContain('FAILED');
  expect(await whileCronRuns(typed('barman backup --wait'))).toContain('Backup completed');
  await typed('barman switch-wal');
}

async function whileCronRuns<T>(work: Promise<T>): Promise<T> {
  let ended = false;
  const cron = (async () => {
    while (!ended) {
      await backups.barman('archive-wal', 'main').catch(() => '');
      await delay(500);
    }
  })();
  try {
    return await work;
  } finally {
    ended = true;
    await cron;
  }
}

describe('a runbook, followed as written', () => {
  it('backup-pgbackrest: its commands on the primary, and a rebuild', LIMIT, async () => {
    const env = { PGBACKREST_CONFIG: join(site.directory, 'pgbackrest-pg1.conf') };
    const commands = runbooks.pgbackrest
      .commands('pgbackrest')
      .filter((one) => one.includes('--stanza'));
    expect(commands.map((command) => command.split(' ')[2])).toEqual([
      'stanza-create',
      'check',
      'backup',
    ]);
    for (const command of commands) await site.asPostgres(['sh', '-c', command], env);
    await reinit('pgbackrest', runbooks.pgbackrest);
  });

  it(
    'backup-walg: its backup, with the program that stands in for WAL-G, and a rebuild',
    LIMIT,
    async () => {
      const [push] = runbooks.walg.commands('wal-g');
      const { directory, dataDirectory, port } = site.host('pg1');
      const prefix = join(site.directory, 'walg');
      const env = { WALG_FILE_PREFIX: prefix, PGHOST: directory, PGPORT: String(port) };
      await site.asPostgres(['sh', '-c', `${push} ${dataDirectory}`], env);
      await reinit('walg', runbooks.walg);
    },
  );

  it('backup-custom: its program, and a rebuild', LIMIT, async () => {
    await reinit('custom', runbooks.custom);
  });

  it('backup-basebackup: from another standby, and from the primary', LIMIT, async () => {
    const [limit = ''] = runbooks.basebackup.commands('matriarch config set');
    expect(await site.type(limit)).toMatchObject({ exitCode: 0 });
    await reinit('basebackup', runbooks.basebackup);
  });

  it(
    'backup-barman: keys checked both ways, the agent restarted, and a rebuild',
    LIMIT,
    async () => {
      for (const program of ['barman-wal-restore', 'rsync'])
        await run(['sh', '-c', `command -v ${program}`], { timeoutMs: 20_000 });
      for (const { name } of site.hosts) {
        site.addToAgentFile(name, sectionOf(runbooks.barman, name));
        await site.restartAgent(name);
      }
      expect((await site.whole()).name).toBe('pg1');
      await backups.startBarman(site.host('pg1'));
      const checks = runbooks.barman.sessions();
      expect(checks.map(({ at }) => at)).toEqual(['postgres@db1', 'barman@backup1']);
      for (const { at, command } of checks) {
        const runAs = osUser(at.split('@')[0] ?? '');
        await run(['sh', '-c', command], { timeoutMs: 60_000, runAs, env: process.env });
      }
      await barmansOwn();
      await reinit('barman', runbooks.barman);
    },
  );

  it('rewind: an old primary comes back, and says what it had written alone', LIMIT, async () => {
    for (const name of ['pg2', 'pg3']) {
      site.addToAgentFile(name, { tags: { noFailover: false } });
      await site.restartAgent(name);
    }
    const old = await site.whole();
    expect(old.name).toBe('pg1');
    // What is written from here on stays here.
    const { processes } = new ProcessesInDirectory(old.dataDirectory).scan();
    for (const { pid, title } of processes)
      if (title.includes('walsender')) process.kill(pid, 'SIGSTOP');
    await site.psql(old, 'INSERT INTO kept VALUES (8)');
    await site.endHost('pg1');
    const successor = await until(async () => {
      const { primary } = await site.running.observe();
      return primary !== null && primary !== 'pg1' ? primary : null;
    }, 60_000);
    await site.psql(site.host(successor), 'INSERT INTO kept VALUES (9)');
    await lookedAtFirst();
    await site.whole();
    expect(site.agentLog('pg1')).toContain('rewound');
    const rows = await site.psql(site.host('pg1'), 'SELECT string_agg(a::text, $$ $$) FROM kept');
    expect(rows.stdout.trim()).toBe('7 9');

    const said: string[] = [];
    const after = ['Watch it', 'See why not'].flatMap((heading) => {
      return rewind.part(heading).commands('matriarch');
    });
    expect(after.length).toBeGreaterThan(3);
    for (const command of after) {
      const answer = await site.type(command);
      said.push(answer.said);
      // What a rewind would do to an instance that streams: nothing.
      expect({ command, ...answer }).toMatchObject({ exitCode: 0 });
    }
    const all = said.join('\n');
    const [method = '', verdict = ''] = rewind.block('pg_rewind   no').trim().split(/\s+/);
    expect(all).toMatch(new RegExp(`${method}\\s+${verdict}\\s.*nothing to rewind`));
    // Which of them shows the WAL that was kept, and where it is.
    expect(all.match(/\S*\/pg1\/agent\/\S+/g)?.length).toBeGreaterThan(1);
  });
});
