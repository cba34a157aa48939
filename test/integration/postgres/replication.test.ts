import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  opendirSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lsnOf, parseLsn, timelineId } from '#libs/kernel';
import { walSegmentName } from '#libs/postgres-model';
import {
  checkpoint,
  checkpointedTimeline,
  detach,
  dropIdleSlot,
  ensurePhysicalSlot,
  ensureReplicationRole,
  ensureRewindRole,
  flushWal,
  type InstanceObservation,
  observeInstance,
  promote,
  readControlData,
  readSourceIdentity,
  readTimelineHistories,
  rewind,
  SettingsMemory,
  walEnd,
} from '#libs/postgres-run';
import { hasStandbySignal, unfinishedWork } from '#libs/process';
import { eventually, LocalCluster, type LocalInstance, PASSWORD } from './local-instance.ts';
import { WriteLoad } from './write-load.ts';

/** One story, told in order: clone, stream, detach under load, promote, rewind the old primary. */
describe('a primary and its standbys', () => {
  let cluster: LocalCluster;
  let pg1: LocalInstance;
  let pg2: LocalInstance;
  let pg3: LocalInstance;

  beforeAll(async () => {
    cluster = await LocalCluster.make();
    pg1 = await cluster.primary('pg1');
    await ensureReplicationRole(pg1.session, { name: 'replicator', password: PASSWORD });
    await ensureRewindRole(pg1.session, { name: 'rewinder', password: PASSWORD });
    await pg1.sql('CREATE TABLE written (id bigint PRIMARY KEY, filler text)');
  });

  afterAll(async () => {
    await cluster.cleanUp();
  });

  it('observes a primary on timeline 1, with the settings in force and their files', async () => {
    const seen = await pg1.reachable();
    expect(seen.role).toMatchObject({ kind: 'primary', timeline: 1 });
    const control = await readControlData(cluster.installation, pg1.dataDirectory);
    expect(seen.systemIdentifier).toBe(control.systemIdentifier);
    expect(control).toMatchObject({ state: 'in production', dataChecksums: true });
    expect(seen.version).toEqual(cluster.installation.version);
    expect(seen.settings['restart_after_crash']).toEqual({
      value: 'off',
      sourceFile: `${pg1.dataDirectory}/matriarch.conf`,
    });
  });

  it('is told settings once, and again after a reload', async () => {
    const settings = new SettingsMemory();
    const look = () => observeInstance(pg1.session, { deadlineMs: 2_000, settings });
    const first = await look();
    const known = settings.of;
    expect(await look()).toMatchObject({ settings: settingsIn(first) });
    expect(settings.of).toBe(known);
    await pg1.sql('ALTER SYSTEM SET default_transaction_read_only = on');
    await pg1.sql('SELECT pg_reload_conf()');
    await eventually('the changed setting', 20_000, async () => {
      return settingsIn(await look())['default_transaction_read_only']?.value === 'on';
    });
    expect(settings.of).not.toBe(known);
    await pg1.session.query('ALTER SYSTEM RESET default_transaction_read_only');
    await pg1.sql('SELECT pg_reload_conf()');
    await eventually('the old setting', 20_000, async () => {
      return settingsIn(await look())['default_transaction_read_only']?.value === 'off';
    });
  });

  it('makes roles twice without an error and keeps their passwords out of the log', async () => {
    await ensureReplicationRole(pg1.session, { name: 'replicator', password: PASSWORD });
    expect(await pg1.sql("SELECT rolreplication FROM pg_roles WHERE rolname = 'replicator'")).toBe(
      true,
    );
  });

  it('makes and drops a slot', async () => {
    expect(await ensurePhysicalSlot(pg1.session, 'pg9')).toBe(true);
    expect(await ensurePhysicalSlot(pg1.session, 'pg9')).toBe(false);
    const [slot] = (await pg1.reachable()).slots;
    expect(slot).toMatchObject({ name: 'pg9', kind: 'physical', active: false });
    expect(await dropIdleSlot(pg1.session, 'pg9')).toBe(true);
    expect(await dropIdleSlot(pg1.session, 'pg9')).toBe(false);
  });

  it('clones two standbys that stream', async () => {
    pg2 = await cluster.standby('pg2', pg1);
    pg3 = await cluster.standby('pg3', pg1);
    await eventually('both stream', 10_000, async () => {
      const { replicas } = await pg1.reachable();
      return replicas.filter(({ state }) => state === 'streaming').length === 2;
    });
    const { role } = await pg2.reachable();
    expect(role).toMatchObject({
      kind: 'standby',
      timeline: 1,
      receiver: { status: 'streaming', senderHost: '127.0.0.1', senderPort: pg1.port },
    });
    expect(role.kind === 'standby' && role.receiver?.conninfo['password']).not.toBe(PASSWORD);
  });

  it('detaches both under load, with proof, and no acknowledged commit is beyond them', async () => {
    await pg1.sql(`ALTER SYSTEM SET max_parallel_workers = 0`);
    const load = new WriteLoad(pg1.target());
    await load.run(300);
    for (const standby of [pg2, pg3]) {
      const outcome = await detach(standby.session, {
        dataDirectory: standby.dataDirectory,
        version: cluster.installation.version,
        limitMs: 3_000,
      });
      expect(outcome).toMatchObject({ kind: 'detached', reloadSeenBy: 'sql' });
      const before = await positionOf(standby);
      await load.run(100);
      const after = await positionOf(standby);
      expect(after).toEqual(before);
    }
    await load.stop();
    expect(load.acknowledged).toBeGreaterThan(10);
    const end = await positionOf(pg2);
    await eventually('everything received is replayed', 5_000, async () => {
      const { role } = await pg2.reachable();
      return role.kind === 'standby' && role.replayedLsn === end.lsn;
    });
  });

  it('promotes onto exactly the id that was given out, skipping those between', async () => {
    const outcome = await promote(pg3.session, {
      dataDirectory: pg3.dataDirectory,
      currentTimeline: timelineId(1),
      targetTimeline: timelineId(5),
      promoteTimeoutMs: 3_000,
    });
    expect(outcome).toMatchObject({ kind: 'promoted', timeline: 5 });
    await pg3.sql('INSERT INTO written VALUES (-1)');
    const identity = await readSourceIdentity({ ...pg3.target() });
    expect(identity.timeline).toBe(5);
    expect(identity.history.ancestors.map(({ timeline }) => timeline)).toEqual([1]);
    expect(readTimelineHistories(pg3.dataDirectory).map(({ timeline }) => timeline)).toEqual([5]);
  });

  it('lets a standby follow over the skipped ids and a restart', async () => {
    // pg2 may be beyond the fork only if it got more than pg3, which was detached after it.
    expect(pg2.follow(pg3)).toBe('reloaded');
    await eventually('pg2 streams on timeline 5', 10_000, async () => {
      const { role } = await pg2.reachable();
      return (
        role.kind === 'standby' && role.timeline === 5 && role.receiver?.status === 'streaming'
      );
    });
    await pg2.stop();
    await pg2.startStandby();
    await eventually('pg2 has the row', 5_000, async () => {
      return (await pg2.sql('SELECT count(*)::int FROM written WHERE id = -1')) === 1;
    });
  });

  it('finds the end of the WAL across the fork, from a position before it (safety 7)', async () => {
    const control = await readControlData(cluster.installation, pg2.dataDirectory);
    const fork = readTimelineHistories(pg2.dataDirectory)[0]?.ancestors[0]?.endLsn ?? 0n;
    expect(control).toMatchObject({ checkpointTimeline: 1 });
    expect(control.checkpointLsn).toBeLessThan(fork);
    const end = await walEnd(cluster.installation, {
      dataDirectory: pg2.dataDirectory,
      walSegmentBytes: control.walSegmentBytes,
      replayedLsn: control.checkpointLsn,
      timeline: control.checkpointTimeline,
      timeoutMs: 10_000,
    });
    const { role } = await pg2.reachable();
    expect(end.timeline).toBe(5);
    expect(end.lsn).toBe(role.kind === 'standby' ? role.replayedLsn : undefined);
  });

  it('rewinds the diverged old primary after its crash, once the control file shows the timeline', async () => {
    await pg1.sql('INSERT INTO written SELECT -g FROM generate_series(1000, 2000) g');
    await pg1.stop('SIGQUIT');
    await checkpoint(pg3.target(), 10_000);
    expect(await checkpointedTimeline(pg3.session)).toBe(5);
    await fillWalPage(pg3);
    const outcome = await rewind(cluster.installation, {
      dataDirectory: pg1.dataDirectory,
      source: pg3.conninfo('rewinder'),
      secrets: { password: PASSWORD },
      timeoutMs: 30_000,
    });
    expect(outcome.kind).toBe('rewound');
    expect(unfinishedWork(pg1.dataDirectory)).toBeUndefined();
    expect(hasStandbySignal(pg1.dataDirectory)).toBe(true);
    pg1.configure({});
    pg1.follow(pg3);
    // Without it the start waits until something else writes WAL on the primary (seen: over 20 s).
    await flushWal(pg3.target());
    await pg1.startStandby();
    await eventually('pg1 has what pg3 has', 10_000, async () => {
      const there = await pg3.sql('SELECT count(*)::int FROM written');
      return (await pg1.sql('SELECT count(*)::int FROM written')) === there;
    });
    expect(await pg1.sql('SELECT count(*)::int FROM written WHERE id <= -1000')).toBe(0);
  });

  it('keeps a directory startable when rewind fails before it changes anything', async () => {
    await pg1.stop();
    const failed = rewind(cluster.installation, {
      dataDirectory: pg1.dataDirectory,
      source: { ...pg3.conninfo('rewinder'), port: '1' },
      secrets: { password: PASSWORD },
      timeoutMs: 30_000,
    });
    await expect(failed).rejects.toMatchObject({ code: 'REWIND_FAILED', touched: false });
    expect(unfinishedWork(pg1.dataDirectory)).toBeUndefined();
    await pg1.startStandby();
  });

  it('finds the end of the WAL at once where the next segment is not there yet', async () => {
    const begin = String(await pg3.sql('SELECT pg_current_wal_insert_lsn()::text'));
    const segment = String(await pg3.sql('SELECT pg_walfile_name(pg_switch_wal())'));
    const alone = join(cluster.directory, 'alone');
    mkdirSync(join(alone, 'pg_wal'), { recursive: true });
    copyFileSync(join(pg3.dataDirectory, 'pg_wal', segment), join(alone, 'pg_wal', segment));
    chmodSync(join(alone, 'pg_wal', segment), 0o644);
    const end = await walEnd(cluster.installation, {
      dataDirectory: alone,
      walSegmentBytes: Number(WAL_SEGMENT_BYTES),
      replayedLsn: parseLsn(begin),
      timeline: timelineId(5),
      timeoutMs: 10_000,
    });
    expect(end.lsn).toBe((parseLsn(begin) / WAL_SEGMENT_BYTES + 1n) * WAL_SEGMENT_BYTES);
    // pg_waldump itself waits 5 s for a file that is not there.
    expect(end.tookMs).toBeLessThan(4_000);
  });

  it('finds the end of the WAL where segments made in advance come first in the directory', async () => {
    // A segment in which nothing was written would not be left.
    await pg3.sql("SELECT pg_logical_emit_message(false, 'x', 'y')");
    const begin = String(await pg3.sql('SELECT pg_current_wal_insert_lsn()::text'));
    const segment = String(await pg3.sql('SELECT pg_walfile_name(pg_switch_wal())'));
    const wal = join(cluster.directory, 'in-advance', 'pg_wal');
    mkdirSync(wal, { recursive: true });
    copyFileSync(join(pg3.dataDirectory, 'pg_wal', segment), join(wal, segment));
    chmodSync(join(wal, segment), 0o644);
    const bytes = Number(WAL_SEGMENT_BYTES);
    let next = (parseLsn(begin) / WAL_SEGMENT_BYTES) * WAL_SEGMENT_BYTES;
    const nothing = next + WAL_SEGMENT_BYTES;
    while (firstNameIn(wal) === segment) {
      next += WAL_SEGMENT_BYTES;
      const inAdvance = join(wal, walSegmentName(timelineId(5), lsnOf(next), bytes));
      writeFileSync(inAdvance, '', { mode: 0o644 });
      truncateSync(inAdvance, bytes);
    }
    const endFrom = async (lsn: bigint): Promise<bigint> => {
      const end = await walEnd(cluster.installation, {
        dataDirectory: dirname(wal),
        walSegmentBytes: bytes,
        replayedLsn: lsnOf(lsn),
        timeline: timelineId(5),
        timeoutMs: 10_000,
      });
      return end.lsn;
    };
    expect(await endFrom(parseLsn(begin))).toBe(nothing);
    expect(await endFrom(nothing)).toBe(nothing);
    await expect(endFrom(nothing + 4_096n)).rejects.toMatchObject({ code: 'WAL_END_UNKNOWN' });
  });

  async function positionOf(standby: LocalInstance): Promise<{ lsn: bigint; timeline: number }> {
    const { role } = await standby.reachable();
    if (role.kind !== 'standby') throw new Error('not a standby');
    const end = await walEnd(cluster.installation, {
      dataDirectory: standby.dataDirectory,
      walSegmentBytes: Number(WAL_SEGMENT_BYTES),
      replayedLsn: role.replayedLsn,
      timeline: role.timeline,
      ...(role.receivedLsn === undefined ? {} : { receivedLsn: role.receivedLsn }),
      timeoutMs: 10_000,
    });
    return { lsn: end.lsn, timeline: end.timeline };
  }
});

/** As programs find them that do not sort. */
function firstNameIn(directory: string): string | undefined {
  const entries = opendirSync(directory);
  const first = entries.readSync()?.name;
  entries.closeSync();
  return first;
}

const WAL_PAGE_BYTES = 8_192n;
const WAL_SEGMENT_BYTES = 16n * 1_024n * 1_024n;

/**
 * Writes records until one ends exactly at the end of a page. The insert position is then behind the
 * next page's header, where no record ends: pg_rewind takes it for the position to be reached.
 */
async function fillWalPage(primary: LocalInstance): Promise<void> {
  const emit = async (contentBytes: number): Promise<bigint> => {
    const text = `SELECT pg_logical_emit_message(false, 'x', repeat('x', ${contentBytes}))`;
    return parseLsn(String(await primary.sql(text)));
  };
  const probe = await emit(8);
  let end = await emit(8);
  // Between two of them there may be more: the header of a page, what others write. The least is the record.
  let smallest = end - probe;
  while (end % WAL_PAGE_BYTES !== 0n) {
    const left = WAL_PAGE_BYTES - (end % WAL_PAGE_BYTES);
    const fits = left >= smallest && left - smallest < 160n;
    const contentBytes = fits ? Number(left - smallest) + 8 : 64;
    const before = end;
    end = await emit(contentBytes);
    const least = end - before - BigInt(contentBytes - 8);
    if (least < smallest) smallest = least;
  }
}

function settingsIn(seen: InstanceObservation) {
  if (seen.kind !== 'reachable') throw new Error(`${seen.reason} ${seen.detail}`);
  return seen.settings;
}
