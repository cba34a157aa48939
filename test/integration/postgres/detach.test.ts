import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatLsn, timelineId } from '#libs/kernel';
import {
  changeManagedSettings,
  detach,
  dropDanglingSkips,
  ensureReplicationRole,
  ensureRewindRole,
  readTimelineHistories,
  reload,
  rewind,
  SqlSession,
  skipTimelinesBefore,
  walEnd,
} from '#libs/postgres-run';
import { eventually, LocalCluster, type LocalInstance, PASSWORD } from './local-instance.ts';

describe('a standby whose startup process is held up', () => {
  let cluster: LocalCluster;
  let pg1: LocalInstance;
  let pg2: LocalInstance;

  beforeAll(async () => {
    cluster = await LocalCluster.make();
    pg1 = await cluster.primary('pg1');
    await ensureReplicationRole(pg1.session, { name: 'replicator', password: PASSWORD });
    await ensureRewindRole(pg1.session, { name: 'rewinder', password: PASSWORD });
    await pg1.sql('CREATE TABLE written AS SELECT g AS id FROM generate_series(1, 1000) g');
    pg2 = await cluster.standby('pg2', pg1);
    changeManagedSettings(pg2.dataDirectory, { max_standby_streaming_delay: '-1' });
    reload(pg2.dataDirectory);
  });

  afterAll(async () => {
    await cluster.cleanUp();
  });

  it('is detached although it does not read the reload: a recovery conflict (safety 6)', async () => {
    const report = await startupIsHeldBy(pg1, pg2);
    const outcome = await detach(pg2.session, {
      dataDirectory: pg2.dataDirectory,
      version: cluster.installation.version,
      limitMs: 3_000,
    });
    expect(outcome).toMatchObject({ kind: 'detached', receiverSignalled: true });
    expect(outcome.kind === 'detached' && outcome.conflictsEnded).toBe(1);
    await pg1.sql('INSERT INTO written VALUES (1)');
    const { replicas } = await pg1.reachable();
    expect(replicas).toEqual([]);
    report.close();
  });

  it('asks for no receiver once its startup process is free, detached while it was held without one', async () => {
    pg2.follow(pg1);
    reload(pg2.dataDirectory);
    await eventually('it streams', 10_000, async () => await streamsFrom(pg1));
    const report = await startupIsHeldBy(pg1, pg2);
    await pg1.stop('SIGQUIT');
    await eventually('its receiver ends', 10_000, async () => {
      return (await pg2.sql('SELECT count(*) = 0 FROM pg_stat_wal_receiver')) === true;
    });
    const outcome = await detach(pg2.session, {
      dataDirectory: pg2.dataDirectory,
      version: cluster.installation.version,
      limitMs: 3_000,
    });
    expect(outcome).toMatchObject({ kind: 'detached', receiverSignalled: false });
    await pg1.startPrimary();
    report.close();
    await eventually('startup is free', 10_000, async () => !(await startupIsHeld(pg2)));
    const untilMs = performance.now() + 1_000;
    while (performance.now() < untilMs) expect(await streamsFrom(pg1)).toBe(false);
  });

  it('knows its position after a restart, where PostgreSQL gives NULL (safety 7)', async () => {
    pg2.follow(pg1);
    reload(pg2.dataDirectory);
    // A commit that it has and has not replayed would be held back by the delay, and a startup process
    // that is held back asks for no WAL: nothing would ever stream.
    await eventually('it has replayed all', 10_000, async () => {
      const { role, replicas } = await pg1.reachable();
      if (replicas.length === 0 || role.kind !== 'primary') return false;
      return (
        (await pg2.sql(
          `SELECT pg_last_wal_replay_lsn() >= pg_lsn '${formatLsn(role.flushLsn)}'`,
        )) === true
      );
    });
    changeManagedSettings(pg2.dataDirectory, { recovery_min_apply_delay: '1h' });
    await pg2.stop();
    await pg2.startStandby();
    await eventually('it streams', 10_000, async () => await streamsFrom(pg1));
    await pg1.sql('INSERT INTO written SELECT 7 FROM generate_series(1, 5000)');
    const { role } = await pg1.reachable();
    const flushed = role.kind === 'primary' ? role.flushLsn : 0n;
    await eventually('received, not replayed', 10_000, async () => {
      const [replica] = (await pg1.reachable()).replicas;
      return replica?.flushLsn !== undefined && replica.flushLsn >= flushed;
    });
    await detach(pg2.session, {
      dataDirectory: pg2.dataDirectory,
      version: cluster.installation.version,
      limitMs: 3_000,
    });
    await pg2.stop('SIGQUIT');
    await pg2.startStandby();
    const seen = (await pg2.reachable()).role;
    if (seen.kind !== 'standby') throw new Error('not a standby');
    expect(seen.receivedLsn).toBeUndefined();
    expect(seen.replayedLsn).toBeLessThan(flushed);
    const end = await walEnd(cluster.installation, {
      dataDirectory: pg2.dataDirectory,
      walSegmentBytes: 16 * 1_024 * 1_024,
      replayedLsn: seen.replayedLsn,
      timeline: seen.timeline,
      timeoutMs: 10_000,
    });
    expect(end.lsn).toBeGreaterThanOrEqual(flushed);
    expect(end.timeline).toBe(1);
  });

  it('starts again after a withdrawn promotion only without its skipped ids (safety 3)', async () => {
    const ids = { current: timelineId(1), target: timelineId(4) };
    skipTimelinesBefore(pg2.dataDirectory, ids);
    await pg2.stop();
    await expect(pg2.startStandby(1_500)).rejects.toThrow('not within');
    await pg2.stop('SIGQUIT');
    expect(readTimelineHistories(pg2.dataDirectory)).toEqual([]);
    expect(dropDanglingSkips(pg2.dataDirectory, timelineId(1))).toEqual([2, 3]);
    await pg2.startStandby();
    expect((await pg2.reachable()).role).toMatchObject({ kind: 'standby', timeline: 1 });
  });

  it('calls it "not required" when pg_rewind finds nothing to do, and leaves it startable', async () => {
    const pg3 = await cluster.standby('pg3', pg1);
    await pg3.stop();
    const outcome = await rewind(cluster.installation, {
      dataDirectory: pg3.dataDirectory,
      source: pg1.conninfo('rewinder'),
      secrets: { password: PASSWORD },
      timeoutMs: 30_000,
    });
    expect(outcome.kind).toBe('not-required');
    await pg3.startStandby();
    expect((await pg3.reachable()).role.kind).toBe('standby');
  });
});

/** A report on the standby needs rows that its primary has removed for good. */
async function startupIsHeldBy(primary: LocalInstance, standby: LocalInstance) {
  await primary.sql('INSERT INTO written SELECT generate_series(1, 1000)');
  const { role } = await primary.reachable();
  if (role.kind !== 'primary') throw new Error('not a primary');
  const replayed = `SELECT pg_last_wal_replay_lsn() >= pg_lsn '${formatLsn(role.flushLsn)}'`;
  await eventually('rows', 10_000, async () => (await standby.sql(replayed)) === true);
  const report = new SqlSession(standby.target());
  await report.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await report.query('SELECT count(*) FROM written');
  await primary.sql('DELETE FROM written');
  await primary.sql('VACUUM written');
  await eventually('startup waits for the report', 10_000, () => startupIsHeld(standby));
  return report;
}

async function startupIsHeld(standby: LocalInstance): Promise<boolean> {
  const waits = await standby.sql(
    "SELECT wait_event LIKE 'RecoveryConflict%' FROM pg_stat_activity WHERE backend_type = 'startup'",
  );
  return waits === true;
}

async function streamsFrom(primary: LocalInstance): Promise<boolean> {
  return (await primary.reachable()).replicas.length > 0;
}
