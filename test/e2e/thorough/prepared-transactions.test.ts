/** Two-phase commits: what was prepared is there, and can be committed, whoever is primary by then. `npm run test:all`. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { present } from '#libs/kernel';
import { until } from '../../../apps/cli/src/demo/until.ts';
import type { HostNetwork } from '../../hosts/host-network.ts';
import { TestCluster } from '../cluster.ts';

const LIMIT_MS = 60_000;

let cluster: TestCluster;
let network: HostNetwork;

beforeAll(async () => {
  cluster = await TestCluster.inNamespaces();
  network = present(cluster.network, 'a cluster in namespaces has a network');
  await cluster.bootstrap();
  const set = ['config', 'set', 'max_prepared_transactions=10'];
  expect(await cluster.matriarch(...set)).toMatchObject({ exitCode: 0 });
  expect(await cluster.matriarch('restart', '--rolling')).toMatchObject({ exitCode: 0 });
  await cluster.sql(await cluster.healthy(), 'create table accounts (id int primary key)');
});

afterAll(async () => {
  await (cluster as TestCluster | undefined)?.remove();
});

/** Each in a session of its own, and on every standby before anything happens to the primary. */
async function prepare(primary: string, ...ids: readonly number[]): Promise<void> {
  for (const id of ids) {
    await cluster.sql(
      primary,
      'begin',
      `insert into accounts values (${id})`,
      `prepare transaction 'p${id}'`,
    );
  }
  const lsn = await cluster.sql(primary, 'select pg_current_wal_insert_lsn()');
  const everywhere = `select count(*) = 2 from pg_stat_replication where replay_lsn >= '${lsn}'`;
  await until('what was prepared on both standbys', { limitMs: LIMIT_MS }, async () => {
    const holds = await cluster.sql(primary, everywhere);
    return holds === 't' ? { value: true } : { instead: holds };
  });
}

const prepared = (instance: string) =>
  cluster.sql(instance, `select string_agg(gid, ' ' order by gid) from pg_prepared_xacts`);
const accounts = (instance: string) =>
  cluster.sql(instance, `select string_agg(id::text, ' ' order by id) from accounts`);

it('over the death of the primary, whose old data is then rewound, and over a switchover back to it', async () => {
  const first = await cluster.healthy();
  await prepare(first, 1, 2, 3);
  const host = cluster.hostOf(first);
  await network.powerOff(host);
  const second = await cluster.untilPrimaryIsNot(first);
  expect(await prepared(second)).toBe('p1 p2 p3');
  await cluster.sql(second, `commit prepared 'p1'`);
  await cluster.sql(second, `rollback prepared 'p2'`);
  expect(await accounts(second)).toBe('1');
  await network.heal(host);
  expect(await cluster.recovered('prepared, host died')).toMatchObject({
    primary: second,
    dual: 0,
  });

  await cluster.healthy();
  await prepare(second, 4);
  expect(await cluster.matriarch('switchover', '--to', first)).toMatchObject({ exitCode: 0 });
  expect(await prepared(first)).toBe('p3 p4');
  for (const id of [3, 4]) await cluster.sql(first, `commit prepared 'p${id}'`);
  expect(await accounts(first)).toBe('1 3 4');
  expect(await cluster.recovered('prepared, switchover')).toMatchObject({
    ...{ primary: first, dual: 0, lost: 0 },
  });
  expect(await prepared(second)).toBe('');
});
