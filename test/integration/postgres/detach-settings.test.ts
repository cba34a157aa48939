/** Where else a detached standby could get WAL of the old primary from: settings that ours do not beat, and the archive. */
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  changeManagedSettings,
  type DetachOutcome,
  detach,
  ensureReplicationRole,
  readManagedSettings,
  reload,
} from '#libs/postgres-run';
import { osUser } from '#libs/process';
import { eventually, LocalCluster, type LocalInstance, PASSWORD } from './local-instance.ts';

/** Ten times what a startup process waits between two looks for WAL. */
const LOOKED_AGAIN_MS = 2_000;

let cluster: LocalCluster;
let pg1: LocalInstance;
let pg2: LocalInstance;
let archive: string;

beforeAll(async () => {
  cluster = await LocalCluster.make();
  archive = join(cluster.directory, 'archive');
  mkdirSync(archive);
  if (process.getuid?.() === 0) chownSync(archive, osUser('postgres').uid, osUser('postgres').gid);
  const archives = { archive_mode: 'on', archive_command: `cp "%p" '${archive}/%f'` };
  pg1 = await cluster.primary('pg1', archives);
  await ensureReplicationRole(pg1.session, { name: 'replicator', password: PASSWORD });
  await pg1.sql('CREATE TABLE written AS SELECT g AS id FROM generate_series(1, 1000) g');
  pg2 = await cluster.standby('pg2', pg1);
  await eventually('it streams', 10_000, streams);
});

afterAll(async () => {
  await cluster.cleanUp();
});

async function streams(): Promise<boolean> {
  return (await pg1.reachable()).replicas.length > 0;
}

function detached(): Promise<DetachOutcome> {
  const { installation } = cluster;
  const { dataDirectory } = pg2;
  return detach(pg2.session, { dataDirectory, version: installation.version, limitMs: 3_000 });
}

it('follows nobody whom postgresql.auto.conf names, as a base backup may (safety 6)', async () => {
  const conninfo = String(await pg2.sql("SELECT current_setting('primary_conninfo')"));
  await pg2.session.query(
    `ALTER SYSTEM SET primary_conninfo = '${conninfo.replaceAll("'", "''")}'`,
  );
  await pg2.sql('SELECT pg_reload_conf()');
  expect(await detached()).toMatchObject({ kind: 'detached' });
  await pg2.sql('SELECT pg_reload_conf()');
  const untilMs = performance.now() + LOOKED_AGAIN_MS;
  while (performance.now() < untilMs) expect(await streams()).toBe(false);
});

it('is not detached while the command line names a primary: its startup process asks again (safety 6)', async () => {
  pg2.follow(pg1);
  const text = readManagedSettings(pg2.dataDirectory)['primary_conninfo'] ?? '';
  await pg2.stop();
  await pg2.startStandby(undefined, ['-c', `primary_conninfo=${text}`]);
  await eventually('it streams', 10_000, streams);
  const outcome = await detached();
  expect(outcome).toMatchObject({ kind: 'not-detached', reason: 'setting-overridden' });
  // Which is what it would have been taken for: the receiver was gone, and comes again.
  await eventually('it streams again', 10_000, streams);
  await pg2.stop();
  await pg2.startStandby();
});

it('replays nothing that the old primary archives after it was detached (safety 6)', async () => {
  pg2.follow(pg1);
  changeManagedSettings(pg2.dataDirectory, { restore_command: `cp '${archive}/%f' "%p"` });
  reload(pg2.dataDirectory);
  await eventually('it streams again', 10_000, streams);
  expect(await detached()).toMatchObject({ kind: 'detached' });
  const replayed = () => pg2.sql('SELECT pg_last_wal_replay_lsn()::text');
  await pg1.sql('INSERT INTO written SELECT 7 FROM generate_series(1, 1000)');
  const segment = await pg1.sql('SELECT pg_walfile_name(pg_current_wal_lsn())');
  const before = await replayed();
  await pg1.sql('SELECT pg_switch_wal()');
  const isArchived = `SELECT last_archived_wal >= '${segment}' FROM pg_stat_archiver`;
  await eventually('it is archived', 10_000, async () => (await pg1.sql(isArchived)) === true);
  await delay(LOOKED_AGAIN_MS);
  expect(await replayed()).toBe(before);
});
