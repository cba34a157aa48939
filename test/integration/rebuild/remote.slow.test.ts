import { renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import { ProcTable } from '#libs/process';
import { until } from '../until.ts';
import { BackupHosts } from './backup-hosts.ts';
import { RebuildRig } from './rebuild-rig.ts';

let rig: RebuildRig;
let backups: BackupHosts;
const path = process.env['PATH'];

beforeAll(async () => {
  rig = await RebuildRig.create({
    config: (directory, name) => ({
      ...BackupHosts.agentConfig(directory, name),
      tags: { noFailover: name === 'pg2' },
    }),
    definition: {
      pgHba: [
        'local all all trust',
        'local replication all trust',
        'host all barman 127.0.0.1/32 trust',
        'host replication barman 127.0.0.1/32 trust',
        'host all all 127.0.0.1/32 scram-sha-256',
      ],
      archive: { tool: 'pgbackrest' },
      rebuild: {
        methods: ['basebackup'],
        automaticRebuild: 'whenSafe',
        inPlaceAlone: false,
        bandwidthBytesPerSecond: null,
      },
      bootstrap: {
        source: null,
        initdbOptions: ['--locale=C.UTF-8'],
        sql: ['CREATE ROLE barman LOGIN SUPERUSER REPLICATION'],
      },
    },
  });
  backups = new BackupHosts(rig);
  process.env['PATH'] = `${await backups.prepare()}:${path}`;
  await backups.startSsh();
  const [first] = rig.hosts;
  if (first !== undefined) await backups.startRepository(first);
  await rig.start();
  await rig.streaming();
  await backups.backUpRepository();
  await backups.startBarman(rig.primary);
}, 240_000);

afterAll(async () => {
  process.env['PATH'] = path;
  backups?.stop();
  await rig?.remove();
});

async function rebuiltBy(method: 'barman' | 'pgbackrest', table = `before_${method}`) {
  await rig.psql(rig.primary, `CREATE TABLE ${table} (a int)`);
  const before = rig.order(rig.standby.name, method);
  expect((await rig.event('RebuildCompleted', before)).method).toBe(method);
  await rig.streaming();
  const { stdout } = await rig.psql(rig.standby, `SELECT to_regclass('${table}')`);
  expect(stdout.trim()).toBe(table);
}

/** What copies into the standby's new directory: here, and what the Barman host has started. */
function copying(): number {
  const proc = new ProcTable();
  const place = `${rig.standby.dataDirectory}.matriarch-new`;
  return proc.pids().filter((pid) => proc.title(pid).includes(place)).length;
}

describe('backups on hosts of their own', () => {
  it('pgBackRest copies from its repository host over TLS', () => rebuiltBy('pgbackrest'));

  it('Barman pushes over SSH', () => rebuiltBy('barman'));

  it('Barman pushes over SSH what it has copied with rsync', async () => {
    await backups.startBarman(rig.primary, 0, 'rsync');
    try {
      await rebuiltBy('barman', 'by_rsync');
    } finally {
      await backups.startBarman(rig.primary);
    }
  });

  it('fetches WAL with barman-wal-restore, and tells what is missing from what failed', async () => {
    const segment = (await backups.barman('list-files', '--target', 'wal', 'main', 'latest'))
      .trim()
      .split('\n')
      .at(-1);
    const name = segment?.split('/').at(-1) ?? '';
    const to = join(rig.owned('fetched'), name);
    const fetch = ['barman-wal-restore', '--user', 'barman', 'backup1', 'main'];
    await rig.asPostgres([...fetch, name, to]);
    expect(statSync(to).size).toBe(16 * 1_048_576);
    const absent = rig.asPostgres([...fetch, '0000000900000000000000AA', `${to}-no`]);
    await expect(absent).rejects.toMatchObject({ failure: { exitCode: 1 } });
    const unreachable = rig.asPostgres([...fetch.with(3, 'nowhere.invalid'), name, `${to}-no`]);
    await expect(unreachable).rejects.toMatchObject({ failure: { exitCode: 2 } });
  });

  it.each([
    [
      'is cancelled',
      (name: string) => {
        rig.leader.command({ type: 'cancelRebuild', instance: instanceName(name) });
      },
    ],
    ['loses its agent', () => rig.standby.stopAgent('SIGKILL')],
  ])('leaves nobody who copies, here or there, when it %s', async (_what, strike) => {
    const host = rig.standby;
    await backups.startBarman(rig.primary, 100);
    try {
      rig.order(host.name, 'barman', true);
      await until(() => copying() > 1, 60_000);
      await strike(host.name);
      await until(() => copying() === 0, 30_000);
    } finally {
      await backups.startBarman(rig.primary);
      if (host.agent === null) host.startAgent(rig.programs.agent);
    }
    const before = rig.order(host.name, 'basebackup', true);
    await rig.event('RebuildCompleted', before);
    await rig.streaming();
  });

  it('says what the Barman host said, when it cannot reach this one', async () => {
    const authorized = join(backups.directory, 'keys', 'authorized-postgres');
    renameSync(authorized, `${authorized}-away`);
    try {
      const before = rig.order(rig.standby.name, 'barman', true);
      const failed = await rig.event('RebuildMethodFailed', before);
      expect(failed.reason).toMatch(/Permission denied|ssh/i);
    } finally {
      renameSync(`${authorized}-away`, authorized);
    }
  });

  it('pgBackRest copies from its repository host over SSH', async () => {
    await backups.moveRepositoryBehindSsh(rig.primary);
    await rebuiltBy('pgbackrest', 'over_ssh');
  });
});
