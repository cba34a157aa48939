/** Tags that say whom commits wait for, and who serves reads, on real PostgreSQL. */
import { afterEach, expect, it } from 'vitest';
import { until } from '../until.ts';
import { AgentTrio } from './agent-trio.ts';

const LIMIT_MS = 60_000;
const NAMES = 'SHOW synchronous_standby_names';

let trio: AgentTrio;

afterEach(async () => {
  await trio?.remove();
});

/** One synchronous standby; pg1 is the first primary. */
async function start(tags: Readonly<Record<string, Record<string, unknown>>>): Promise<void> {
  trio = await AgentTrio.create((name) => ({ agent: { tags: tags[name] ?? {} }, postgres: {} }));
  trio.leader.create(
    {
      superuser: 'postgres',
      replicationUser: 'replicator',
      rewindUser: 'rewinder',
      parameters: { shared_buffers: '16MB' },
      pgHba: ['host all all 127.0.0.1/32 scram-sha-256'],
    },
    { synchronousMode: 'priority', synchronousNodeCount: 1 },
  );
  trio.host('pg1').startAgent(trio.programs.agent);
  await trio.untilPrimary('pg1');
  for (const name of ['pg2', 'pg3']) trio.host(name).startAgent(trio.programs.agent);
  await trio.streaming(2);
}

/** As PostgreSQL itself was told. */
async function waitedFor(): Promise<string> {
  const [row] = await trio.sql<{ synchronous_standby_names: string }>(trio.primary, NAMES);
  return row?.synchronous_standby_names ?? '';
}

it('`noSync`: commits never wait for it, also when nobody else is there; `noLoadBalance`: no reads', async () => {
  await start({ pg2: { noSync: true, noLoadBalance: true } });
  await until(async () => (await waitedFor()).includes('pg3'), LIMIT_MS, 100);
  expect(await waitedFor()).not.toContain('pg2');
  await until(async () => (await trio.host('pg3').status('/replica')) === 200, LIMIT_MS, 100);
  expect(await trio.host('pg2').status('/replica')).toBe(503);
  expect(await trio.host('pg2').status('/health')).toBe(200);

  await trio.host('pg3').end();
  await until(async () => (await waitedFor()) === '', LIMIT_MS, 100);
  await trio.sql(trio.primary, 'CREATE TABLE written AS SELECT 1 AS a');
  const events = trio.leader.events.map(({ event }) => JSON.stringify(event, textOf));
  const orders = events.filter((event) => event.includes('SyncSettingOrdered'));
  expect(orders.filter((event) => event.includes('pg2'))).toEqual([]);
}, 240_000);

it('`syncPriority`: the higher one is waited for, and the other one in its place once it is lost', async () => {
  await start({ pg2: { syncPriority: 1 }, pg3: { syncPriority: 10 } });
  const only = (name: string, other: string) => async () => {
    const names = await waitedFor();
    return names.includes(name) && !names.includes(other);
  };
  await until(only('pg3', 'pg2'), LIMIT_MS, 100);
  await trio.host('pg3').end();
  await until(only('pg2', 'pg3'), LIMIT_MS, 100);
  trio.host('pg3').startAgent(trio.programs.agent);
  await until(only('pg3', 'pg2'), LIMIT_MS, 100);
}, 240_000);

function textOf(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value;
}
