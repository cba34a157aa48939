import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  changeManagedSettings,
  ensureReplicationRole,
  reload,
  SqlSession,
} from '#libs/postgres-run';
import { releaseWaitingCommits } from '../../../apps/agent/src/synchronous/waiting-commits.ts';
import { eventually, LocalCluster, type LocalInstance, PASSWORD } from './local-instance.ts';

let cluster: LocalCluster;
let pg1: LocalInstance;
let pg2: LocalInstance;
let agent: SqlSession;

beforeAll(async () => {
  cluster = await LocalCluster.make();
  pg1 = await cluster.primary('pg1');
  await ensureReplicationRole(pg1.session, { name: 'replicator', password: PASSWORD });
  await pg1.sql('CREATE TABLE written (id int)');
  pg2 = await cluster.standby('pg2', pg1);
  agent = new SqlSession({ ...pg1.target(), localCommit: true });
  await eventually('it streams', 10_000, async () => (await pg1.reachable()).replicas.length > 0);
});

afterAll(async () => {
  agent?.close();
  await cluster.cleanUp();
});

async function waitFor(names: string): Promise<void> {
  changeManagedSettings(pg1.dataDirectory, { synchronous_standby_names: names });
  reload(pg1.dataDirectory);
  await eventually('it is in force', 5_000, async () => {
    const [row] = await agent.query('SHOW synchronous_standby_names', []);
    return row?.['synchronous_standby_names'] === names;
  });
}

it('a commit that its standby has is released, although nobody else writes and the standby has nothing to say', async () => {
  const name = String(await pg1.sql('SELECT application_name FROM pg_stat_replication'));
  await waitFor('"who is not there"');
  // The checkpointer keeps the flag without which nobody waits, and has read the files before it begins one.
  await agent.query('CHECKPOINT', []);
  const client = new SqlSession(pg1.target());
  try {
    const commit = client.query('INSERT INTO written VALUES (1)', []);
    const waiting =
      "SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    await eventually(
      'it waits',
      5_000,
      async () => (await agent.query(waiting, []))[0]?.['waiting'] === 1,
    );
    await eventually(
      'the standby has it',
      5_000,
      async () => (await pg2.sql('SELECT count(*)::int FROM written')) === 1,
    );
    await waitFor(`"${name}"`);
    // Without it the commit waits for the next status of the receiver: ten seconds after its last word.
    const begunMs = performance.now();
    await Promise.all([commit, releaseWaitingCommits(agent)]);
    expect(performance.now() - begunMs).toBeLessThan(3_000);
  } finally {
    client.close();
  }
});

it('nothing is written while nobody waits', async () => {
  const end = 'SELECT pg_current_wal_insert_lsn()::text';
  await agent.query('CHECKPOINT', []);
  const before = await pg1.sql(end);
  await releaseWaitingCommits(agent);
  expect(await pg1.sql(end)).toBe(before);
});
