import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SqlSession } from '#libs/postgres-run';
import {
  killAll,
  ProcessesInDirectory,
  proveDown,
  putStandbySignal,
  testDeathSignal,
} from '#libs/process';
import { signalAll } from '../../hosts/signal-all.ts';
import { eventually, LocalCluster, type LocalInstance } from './local-instance.ts';

/** A block that never looks whether its postmaster lives. */
const BUSY_SQL = `DO $$ DECLARE until timestamptz := clock_timestamp() + interval '20 s';
  BEGIN WHILE clock_timestamp() < until LOOP END LOOP; END $$`;

describe('what it takes to be down', () => {
  let cluster: LocalCluster;
  let pg1: LocalInstance;

  beforeAll(async () => {
    cluster = await LocalCluster.make();
    pg1 = await cluster.primary('pg1');
  });

  afterAll(async () => {
    await cluster.cleanUp();
  });

  it('is not down while a busy backend outlives its killed postmaster (safety 1)', async () => {
    const busy = new SqlSession(pg1.target());
    const ended = busy.query(BUSY_SQL, undefined, 60_000).then(
      () => 'acknowledged',
      () => 'cut off',
    );
    await eventually('the block runs', 5_000, async () => {
      const count = await pg1.sql(
        "SELECT count(*)::int FROM pg_stat_activity WHERE query LIKE 'DO%' AND state = 'active'",
      );
      return count === 1;
    });
    process.kill(pg1.postmasterPid, 'SIGKILL');
    await eventually('idle processes are gone', 5_000, async () => {
      return new ProcessesInDirectory(pg1.dataDirectory).scan().processes.length === 1;
    });
    const proof = proveDown(pg1.dataDirectory);
    expect(proof).toMatchObject({ kind: 'processes-alive', processes: [{ parentPid: 1 }] });
    expect(existsSync(join(pg1.dataDirectory, 'postmaster.pid'))).toBe(true);

    const killed = await killAll(new ProcessesInDirectory(pg1.dataDirectory), { limitMs: 2_000 });
    expect(killed).toMatchObject({ killed: 1, left: [] });
    await eventually('proved', 1_000, async () => pg1.isDown());
    expect(existsSync(join(pg1.dataDirectory, 'postmaster.pid'))).toBe(false);
    expect(await ended).toBe('cut off');
    await pg1.startPrimary();
  });

  it('comes back as a standby when standby.signal was put under the running primary', async () => {
    expect(putStandbySignal(pg1.dataDirectory)).toBe(true);
    await pg1.sql('CREATE TABLE written_with_the_file_there ()');
    process.kill(pg1.postmasterPid, 'SIGKILL');
    await pg1.killEverything();
    expect(pg1.isDown()).toBe(true);
    await pg1.startStandby();
    expect((await pg1.reachable()).role).toMatchObject({ kind: 'standby', timeline: 1 });
    await expect(pg1.sql('CREATE TABLE refused ()')).rejects.toMatchObject({ code: '25006' });
    await pg1.stop();
    await pg1.startPrimary();
    expect((await pg1.reachable()).role).toMatchObject({ kind: 'primary', timeline: 1 });
  });

  it('tells a living instance from a dead one in a few milliseconds', () => {
    const processes = new ProcessesInDirectory(pg1.dataDirectory);
    processes.scan();
    const startedMs = performance.now();
    for (let look = 0; look < 20; look += 1) processes.scan();
    expect((performance.now() - startedMs) / 20).toBeLessThan(200);
    expect(proveDown(pg1.dataDirectory).kind).toBe('processes-alive');
  });

  it('proves that the death signal of the launcher arrives on this host', async () => {
    const result = await testDeathSignal(cluster.installation.runAs);
    expect(result).toMatchObject({ kind: 'works' });
  });
});

describe('why an instance gives no answer', () => {
  let cluster: LocalCluster;
  let pg1: LocalInstance;

  beforeAll(async () => {
    cluster = await LocalCluster.make();
    pg1 = await cluster.primary('pg1', {
      max_connections: '8',
      superuser_reserved_connections: '0',
    });
  });

  afterAll(async () => {
    await cluster.cleanUp();
  });

  it('says timeout, at the deadline, when PostgreSQL is frozen', async () => {
    const { processes } = new ProcessesInDirectory(pg1.dataDirectory).scan();
    const frozen = signalAll(
      processes.map(({ pid }) => pid),
      'SIGSTOP',
    );
    try {
      const seen = await pg1.observe(300);
      expect(seen).toMatchObject({ kind: 'unreachable', reason: 'timeout' });
      expect(seen.tookMs).toBeLessThan(5_000);
    } finally {
      signalAll(frozen, 'SIGCONT');
    }
    await eventually(
      'it answers again',
      5_000,
      async () => (await pg1.observe()).kind === 'reachable',
    );
  });

  it('says too many connections', async () => {
    pg1.session.close();
    const sessions = Array.from({ length: 12 }, () => new SqlSession(pg1.target()));
    await Promise.allSettled(sessions.map((session) => session.query('SELECT 1')));
    expect(await pg1.observe()).toMatchObject({ reason: 'too-many-connections' });
    for (const session of sessions) session.close();
  });

  it('says that the password is wrong', async () => {
    const { observeInstance } = await import('#libs/postgres-run');
    await eventually(
      'there is room',
      5_000,
      async () => (await pg1.observe()).kind === 'reachable',
    );
    await pg1.sql("CREATE ROLE rewinder LOGIN PASSWORD 'right'");
    const target = { ...pg1.target(), host: '127.0.0.1', user: 'rewinder', password: 'wrong' };
    const session = new SqlSession(target);
    expect(await observeInstance(session, { deadlineMs: 2_000 })).toMatchObject({
      reason: 'auth-failed',
    });
  });

  it('says that nobody listens when it is stopped', async () => {
    await pg1.stop();
    expect(await pg1.observe()).toMatchObject({ kind: 'unreachable', reason: 'refused' });
  });
});
