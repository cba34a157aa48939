import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import { ProcessError, ProcTable } from '#libs/process';
import {
  PgBackupApiStandIn,
  type Recovered,
} from '../../../libs/backup/src/testing/pg-backup-api-stand-in.ts';
import { until } from '../until.ts';
import { BackupHosts } from './backup-hosts.ts';
import { RebuildRig } from './rebuild-rig.ts';

/** Barman, its rsync and both SSH connections are real; what answers HTTP is not (Debian has no pg-backup-api). */
let api: PgBackupApiStandIn;
let rig: RebuildRig;
let backups: BackupHosts;
let diagnosis = '{}';
const recoveries: Promise<Recovered>[] = [];
const path = process.env['PATH'];

beforeAll(async () => {
  api = await PgBackupApiStandIn.listen({ diagnose: () => Promise.resolve(diagnosis), recover });
  rig = await RebuildRig.create({
    config: (_directory, name) => ({
      backup: {
        barman: {
          server: 'main',
          host: 'backup1',
          remoteSshCommand: 'ssh postgres@db1',
          // What would run over SSH fails: all comes by the API.
          program: ['false'],
          api: { url: api.url },
        },
      },
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
  await rig.start();
  await rig.streaming();
  await backups.startBarman(rig.primary);
  diagnosis = await backups.barman('diagnose');
}, 240_000);

afterAll(async () => {
  process.env['PATH'] = path;
  backups?.stop();
  await Promise.all(recoveries);
  await rig?.remove();
  await api?.close();
});

function recover(argv: readonly string[]): Promise<Recovered> {
  const ended = recovered(argv);
  recoveries.push(ended);
  return ended;
}

async function recovered(argv: readonly string[]): Promise<Recovered> {
  try {
    return { exitCode: 0, output: await backups.barman('recover', ...argv) };
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    return { exitCode: error.failure.exitCode ?? 1, output: error.message };
  }
}

/** What Barman has started on its host, and the ends of rsync here: those are told by where they work. */
function copying(): readonly string[] {
  const proc = new ProcTable();
  const place = `${rig.standby.dataDirectory}.matriarch-new`;
  return proc
    .pids()
    .filter((pid) => {
      const at = proc.cwd(pid);
      return proc.title(pid).includes(place) || (at.kind === 'target' && at.path.startsWith(place));
    })
    .map((pid) => proc.title(pid));
}

function receiving(): boolean {
  return copying().some((title) => title.startsWith('rsync --server'));
}

describe('the REST API of Barman', () => {
  it('has it push a backup, which becomes the standby', async () => {
    await rig.psql(rig.primary, 'CREATE TABLE by_api (a int)');
    const before = rig.order(rig.standby.name, 'barman');
    expect((await rig.event('RebuildCompleted', before)).method).toBe('barman');
    await rig.streaming();
    const { stdout } = await rig.psql(rig.standby, `SELECT to_regclass('by_api')`);
    expect(stdout.trim()).toBe('by_api');
    expect(api.recoveries).toHaveLength(1);
    const left = readdirSync(rig.standby.dataDirectory).filter((name) => name.startsWith('barman'));
    expect(left).toEqual([]);
  });

  it('leaves nobody who copies, here or there, when the rebuild is cancelled', async () => {
    const { name } = rig.standby;
    await backups.startBarman(rig.primary, 100);
    try {
      rig.order(name, 'barman', true);
      await until(receiving, 60_000);
      rig.leader.command({ type: 'cancelRebuild', instance: instanceName(name) });
      await until(() => copying().length === 0, 60_000);
    } finally {
      await backups.startBarman(rig.primary);
    }
    const before = rig.order(name, 'basebackup', true);
    await rig.event('RebuildCompleted', before);
    await rig.streaming();
  });

  it('pushes into no later copy when the agent is killed: its rsync is ended first', async () => {
    const host = rig.standby;
    const earlier = api.recoveries.length;
    await backups.startBarman(rig.primary, 100);
    let before: number;
    try {
      before = rig.order(host.name, 'barman', true);
      await until(receiving, 60_000);
      await host.stopAgent('SIGKILL');
      // Nothing ends it with the agent: that is what is to be survived. Between two of its rsyncs none runs.
      await until(receiving, 60_000);
    } finally {
      await backups.startBarman(rig.primary);
      if (host.agent === null) host.startAgent(rig.programs.agent);
    }
    expect((await rig.event('RebuildCompleted', before)).method).toBe('barman');
    await rig.streaming();
    const places = api.recoveries.slice(earlier).map((argv) => argv[2]);
    expect(new Set(places).size).toBe(2);
    await until(() => copying().length === 0, 30_000);
    const left = readdirSync(host.dataDirectory).filter((name) => name.startsWith('barman'));
    expect(left).toEqual([]);
  });
});
