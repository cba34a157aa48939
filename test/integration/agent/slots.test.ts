import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SLOT_POLICY } from '#libs/cluster';
import { instanceName } from '#libs/kernel';
import { until } from '../until.ts';
import { AgentTrio, BOOT_LIMIT_MS } from './agent-trio.ts';

const LIMIT_MS = 30_000;
const CONSUMED = `SELECT data FROM pg_logical_slot_get_changes('feed', NULL, NULL)
                   WHERE data LIKE 'table public.rows: INSERT%'`;

let trio: AgentTrio;

beforeAll(async () => {
  trio = await AgentTrio.create();
});

afterAll(async () => {
  await trio?.remove();
});

const slotsSql = (names: readonly string[]): string =>
  `SELECT count(*) = ${names.length} AS holds FROM pg_replication_slots
    WHERE slot_name IN (${names.map((name) => `'${name}'`).join(', ')})`;

async function consumed(): Promise<number[]> {
  const rows = await trio.sql<{ data: string }>(trio.primary, CONSUMED);
  return rows.map(({ data }) => Number(/id\[integer\]:(\d+)/.exec(data)?.[1]));
}

async function insert(from: number, to: number): Promise<void> {
  await trio.sql(trio.primary, `INSERT INTO rows SELECT generate_series(${from}, ${to})`);
}

describe('slots on real PostgreSQL', () => {
  it('members and permanent slots are on every instance; the logical one is copied', async () => {
    await trio.bootstrap({
      parameters: { shared_buffers: '16MB', wal_level: 'logical' },
      slots: {
        ...DEFAULT_SLOT_POLICY,
        ignore: [{ name: 'theirs', type: 'physical' }],
        unknown: 'drop',
        permanent: {
          archiver: { type: 'physical' },
          feed: { type: 'logical', database: 'postgres', plugin: 'test_decoding' },
        },
      },
    });
    const names = (own: string) => ['pg1', 'pg2', 'pg3'].filter((name) => name !== own);
    for (const host of trio.hosts) {
      await trio.holds(() => host, slotsSql([...names(host.name), 'archiver', 'feed']));
    }
    await trio.streaming(2);
    await trio.sql(trio.primary, 'CREATE TABLE rows (id int PRIMARY KEY)');
  });

  it('they go on with the primary, so that they hold up no WAL', async () => {
    await insert(1, 100);
    expect(await consumed()).toHaveLength(100);
    await trio.sql(trio.primary, 'SELECT pg_switch_wal()');
    await trio.sql(trio.primary, 'CREATE TABLE more AS SELECT generate_series(1, 1000) AS id');
    const [there] = await trio.sql<{ lsn: string }>(
      trio.primary,
      "SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = 'feed'",
    );
    for (const standby of trio.standbys) {
      const feed = `slot_name = 'feed' AND confirmed_flush_lsn >= '${there?.lsn}'`;
      const sql = `SELECT count(*) = 1 AS holds FROM pg_replication_slots WHERE ${feed}`;
      // A server that copies slots itself (17) takes a copy into use once the consumer has gone on, and looks every 30 s.
      await until(
        async () => {
          await trio.sql(trio.primary, 'CHECKPOINT');
          await consumed();
          const [row] = await trio.sql<{ holds: boolean }>(standby, sql).catch(() => []);
          return row?.holds === true;
        },
        90_000,
        500,
      );
      const other = trio.standbys.find((each) => each !== standby)?.name;
      const member = `SELECT bool_and(restart_lsn >= '${there?.lsn}') AS holds
                        FROM pg_replication_slots WHERE slot_name = '${other}'`;
      await trio.holds(() => standby, member);
    }
  });

  it('what an ignore rule names stays, and what nobody asked for goes', async () => {
    const create = "SELECT pg_create_physical_replication_slot('theirs')";
    await trio.sql(trio.primary, create);
    await trio.sql(trio.primary, create.replace('theirs', 'nobodys'));
    const gone =
      "SELECT count(*) = 0 AS holds FROM pg_replication_slots WHERE slot_name = 'nobodys'";
    await trio.holds(() => trio.primary, gone);
    await trio.holds(() => trio.primary, slotsSql(['theirs']));
  });

  it('a switchover loses no change of a logical slot and no slot', async () => {
    const [target] = trio.standbys;
    if (target === undefined) throw new Error('there is no standby');
    // Safe to hand on once the primary holds rows back for the standby (a feedback of its receiver).
    await trio.sql(trio.primary, 'CREATE TABLE again (id int)');
    await insert(101, 200);
    expect(await consumed()).toHaveLength(100);
    const from = trio.primary;
    await insert(201, 250);
    const command = { type: 'switchover', to: instanceName(target.name) } as const;
    await until(() => trio.leader.command(command).kind === 'decided', LIMIT_MS);
    await until(() => trio.holder === target.name, LIMIT_MS);
    await trio.streaming(2);
    await insert(251, 300);
    const ids = await consumed();
    const expected = Array.from({ length: 100 }, (_, at) => 201 + at);
    expect(ids.filter((id) => id > 200)).toEqual(expected);
    await trio.holds(
      () => from,
      slotsSql(['archiver', 'feed', 'theirs', target.name]),
      BOOT_LIMIT_MS,
    );
    expect(trio.leader.problems).toEqual([]);
  });
});
