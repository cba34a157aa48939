import { readdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rebuildTool, type WalProgram } from '#libs/backup';
import type { RecoveryTarget } from '#libs/cluster';
import { until } from '../until.ts';
import { BackupSource } from './backup-source.ts';
import { RebuildRig } from './rebuild-rig.ts';
import { restoredBy } from './restored-by.ts';

let source: BackupSource;
let lastKept: Record<RecoveryTarget['kind'], string>;
let firstSegment: string;

beforeAll(async () => {
  source = await BackupSource.make();
  await source.insert('before');
  await source.pgbackrest('backup', '--type=full');
  await source.insert('after the backup');
  firstSegment = await source.archived();
  await source.insert('kept');
  const { primary } = source;
  lastKept = await source.keptUntilHere();
  await primary.sql('SELECT pg_sleep(0.05)');
  await source.insert('not wanted');
  await source.archived();
  await source.primary.stop();
});

afterAll(async () => {
  await source?.remove();
});

function restored(name: string, target: RecoveryTarget | null, fetch?: WalProgram) {
  const made = rebuildTool('pgbackrest', { ...none, pgbackrest: source.pgbackrestSettings }, false);
  if (made === null) throw new Error('pgbackrest is configured');
  return restoredBy(source, made, { name, target, ...(fetch === undefined ? {} : { fetch }) });
}

const none = { pgbackrest: null, barman: null, walg: null, custom: null };
const KEPT = ['before', 'after the backup', 'kept', 'last'];

describe('recovery of a restored backup', () => {
  it.each(['time', 'lsn', 'name', 'xid'] as const)('ends at a target by %s', async (kind) => {
    expect(await restored(`by-${kind}`, { kind, value: lastKept[kind] })).toEqual(KEPT);
  });

  it('goes to the end of the archive without a target, onto a new timeline', async () => {
    expect(await restored('to-the-end', null)).toEqual([...KEPT, 'not wanted']);
    const wal = join(source.path('to-the-end.matriarch-new'), 'pg_wal', 'archive_status');
    expect(readdirSync(wal)).toContain('00000002.history.ready');
  });

  it('fails when the target is not reached', async () => {
    await expect(restored('nowhere', { kind: 'name', value: 'elsewhere' })).rejects.toThrow(
      'recovery ended before configured recovery target was reached',
    );
  });

  it('is not content with less when a segment is missing', async () => {
    const archive = source.path('repository', 'archive');
    const files = readdirSync(archive, { recursive: true, encoding: 'utf8' });
    const file = files.find((name) => basename(name).startsWith(`${firstSegment}-`)) ?? '';
    renameSync(join(archive, file), source.path('away'));
    try {
      await expect(restored('gap', null)).rejects.toThrow(/although the archive goes to .*missing/);
    } finally {
      renameSync(source.path('away'), join(archive, file));
    }
  });

  it('does not take an archive that fails for the end of it', async () => {
    const failing = { argv: ['sh', '-c', 'exit 56'] };
    await expect(restored('failing', null, failing)).rejects.toThrow('could not restore file');
  });
});

describe('a cluster that begins from a backup', () => {
  it('holds what was there at the target, and has its standby', { timeout: 300_000 }, async () => {
    const rig = await RebuildRig.create({
      config: (directory, name) => ({
        backup: { pgbackrest: { stanza: 'main', config: join(directory, `${name}.conf`) } },
      }),
      postgres: (directory, name) => ({ walDirectory: join(directory, name, 'wal') }),
      definition: {
        archive: { tool: 'pgbackrest' },
        bootstrap: {
          source: { tool: 'pgbackrest', target: { kind: 'name', value: 'here' } },
          initdbOptions: [],
          sql: ['CREATE DATABASE app', 'CREATE ROLE app LOGIN'],
        },
      },
    });
    try {
      for (const { name, dataDirectory, port, directory } of rig.hosts) {
        const own = rig.owned(`pgbackrest-${name}`);
        const paths = `log-path=${own}\nlock-path=${own}\nspool-path=${own}`;
        rig.write(
          `${name}.conf`,
          `[global]\nrepo1-path=${source.path('repository')}\n${paths}\n` +
            `[main]\npg1-path=${dataDirectory}\npg1-port=${port}\npg1-socket-path=${directory}\n`,
        );
      }
      await rig.start();
      await rig.streaming(180_000);
      const { stdout } = await rig.psql(rig.standby, 'SELECT what FROM t');
      expect(stdout.trim().split('\n')).toEqual(KEPT);
      expect(rig.leader.state?.history.map(({ timeline }) => timeline)).toEqual([1, 2]);
      const databases = "SELECT count(*) FROM pg_database WHERE datname = 'app'";
      expect((await rig.psql(rig.primary, databases)).stdout.trim()).toBe('1');
      // By the password of the cluster's file, which the backup did not have.
      const client = await rig.primary.client();
      await client.query('INSERT INTO t VALUES ($1)', ['new']);
      await client.query('SELECT pg_switch_wal()');
      await client.end();
      await until(async () => {
        const archived =
          'SELECT count(*) FROM pg_stat_archiver WHERE last_archived_wal IS NOT NULL';
        return (await rig.psql(rig.primary, archived)).stdout.trim() === '1';
      }, 60_000);
      const archive = readdirSync(source.path('repository', 'archive', 'main', '15-1'));
      expect(archive).toContain('00000002.history');
    } finally {
      await rig.remove();
    }
  });
});
