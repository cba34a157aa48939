/** A subscriber on a permanent logical slot, while primaries are lost, rewound and switched back to. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SLOT_POLICY } from '#libs/cluster';
import { instanceName } from '#libs/kernel';
import { LocalCluster, type LocalInstance } from '../postgres/local-instance.ts';
import { until } from '../until.ts';
import type { AgentHost } from './agent-host.ts';
import { AgentTrio, BOOT_LIMIT_MS } from './agent-trio.ts';

const FEED = `FROM pg_replication_slots WHERE slot_name = 'feed'`;

let trio: AgentTrio;
let others: LocalCluster;
let subscriber: LocalInstance;

beforeAll(async () => {
  trio = await AgentTrio.create();
  others = await LocalCluster.make();
  subscriber = await others.primary('subscriber');
  await trio.bootstrap({
    parameters: { shared_buffers: '16MB', wal_level: 'logical' },
    slots: {
      ...DEFAULT_SLOT_POLICY,
      permanent: {
        archiver: { type: 'physical' },
        feed: { type: 'logical', database: 'postgres', plugin: 'pgoutput' },
      },
    },
  });
  await trio.sql(trio.primary, 'CREATE TABLE rows (id int)');
  await trio.sql(trio.primary, 'CREATE PUBLICATION everything FOR ALL TABLES');
  await subscriber.sql('CREATE TABLE rows (id int)');
  const ports = trio.hosts.map(({ port }) => port).join(',');
  const hosts = trio.hosts.map(() => '127.0.0.1').join(',');
  const to = `host=${hosts} port=${ports} dbname=postgres user=postgres password=''super secret'' target_session_attrs=read-write`;
  await subscriber.sql(
    `CREATE SUBSCRIPTION feed CONNECTION '${to}' PUBLICATION everything
       WITH (create_slot = false, slot_name = 'feed', copy_data = false)`,
  );
});

afterAll(async () => {
  await trio?.remove();
  await others?.cleanUp();
});

const insert = (from: number, to: number) =>
  trio.sql(trio.primary, `INSERT INTO rows SELECT generate_series(${from}, ${to})`);

/** Each row of the primary once, and no other. */
async function subscriberHasAll(): Promise<void> {
  const sums = 'SELECT count(*) || chr(32) || coalesce(sum(id), 0) AS sums FROM rows';
  const [here] = await trio.sql<{ sums: string }>(trio.primary, sums);
  let there: unknown;
  await until(
    async () => {
      there = await subscriber.sql(sums);
      return there === here?.sums;
    },
    BOOT_LIMIT_MS,
    100,
  ).catch((cause: unknown) => {
    throw new Error(`the primary has ${here?.sums}, the subscriber ${String(there)}`, { cause });
  });
}

/** Slots of this standby that a promotion would not hand on, as its agent remembers them. */
function unsafe({ stateDirectory }: AgentHost): readonly string[] | null {
  const path = join(stateDirectory, 'copied-slots.json');
  if (!existsSync(path)) return null;
  const { asPrimary, unsafe: names } = JSON.parse(readFileSync(path, 'utf8'));
  return asPrimary === true ? null : Object.keys(names);
}

/** The feed is on every standby, and would be handed on by whoever is promoted. */
async function handedOn(): Promise<void> {
  await until(() => trio.holder !== null, BOOT_LIMIT_MS);
  const streams = `SELECT count(*) = 2 AS holds FROM pg_stat_replication
    WHERE application_name LIKE 'orders/%' AND state = 'streaming'`;
  await trio.holds(() => trio.primary, streams);
  for (const standby of trio.standbys) {
    await trio.holds(() => standby, `SELECT count(*) = 1 AS holds ${FEED}`);
    await until(
      async () => {
        // Transactions that begin and end move what the slots hold back.
        await trio.sql(trio.primary, 'SELECT txid_current()');
        await trio.sql(trio.primary, 'SELECT pg_log_standby_snapshot()').catch(() => undefined);
        await trio.sql(trio.primary, 'CHECKPOINT');
        return unsafe(standby)?.length === 0;
      },
      BOOT_LIMIT_MS,
      500,
    ).catch((cause: unknown) => {
      throw new Error(`${standby.name} holds unsafe slots: ${unsafe(standby)}`, { cause });
    });
  }
}

async function replayedEverywhere(): Promise<void> {
  const sql = `SELECT count(*) = 2 AS holds FROM pg_stat_replication
    WHERE application_name LIKE 'orders/%' AND replay_lsn >= pg_current_wal_insert_lsn()`;
  await trio.holds(() => trio.primary, sql);
}

describe('a permanent logical slot and its subscriber', () => {
  it('holds back the catalogue on standbys and nothing else, and goes on there', async () => {
    await insert(1, 100);
    await subscriberHasAll();
    await handedOn();
    for (const standby of trio.standbys) {
      const sql = `SELECT bool_and(CASE slot_type WHEN 'physical' THEN xmin IS NULL AND catalog_xmin IS NULL
          ELSE xmin IS NULL AND catalog_xmin IS NOT NULL END) AND count(*) = 4 AS holds
        FROM pg_replication_slots`;
      await trio.holds(() => standby, sql);
    }
    const [before] = await trio.sql<{ xmin: string }>(
      trio.primary,
      `SELECT catalog_xmin::text AS xmin ${FEED}`,
    );
    const moved = `SELECT catalog_xmin::text::bigint > ${before?.xmin} AS holds ${FEED}`;
    for (const host of trio.hosts) {
      await until(
        async () => {
          await insert(0, 0);
          await trio.sql(trio.primary, 'CHECKPOINT');
          const [row] = await trio.sql<{ holds: boolean }>(host, moved);
          return row?.holds === true;
        },
        BOOT_LIMIT_MS,
        500,
      );
    }
  });

  it('loses nothing that it had not sent yet, and repeats nothing, when the primary is lost', async () => {
    await subscriberHasAll();
    await handedOn();
    // The newest that it did get: the slot on standbys is not as far yet.
    await insert(1_001, 1_100);
    await subscriberHasAll();
    await subscriber.sql('ALTER SUBSCRIPTION feed DISABLE');
    await insert(1_101, 1_500);
    await replayedEverywhere();
    const lost = trio.primary;
    await lost.end();
    await until(() => trio.holder !== null && trio.holder !== lost.name, BOOT_LIMIT_MS, 20);
    await insert(1_501, 1_600);
    await subscriber.sql('ALTER SUBSCRIPTION feed ENABLE');
    await subscriberHasAll();
    lost.startAgent(trio.programs.agent);
    await handedOn();
  });

  it('is there again on a former primary that was rewound, and goes on when that is switched to', async () => {
    await subscriber.sql('ALTER SUBSCRIPTION feed DISABLE');
    const lost = trio.primary;
    const senders = lost.processes.scan().processes.filter(({ title }) => /walsender/.test(title));
    for (const { pid } of senders) process.kill(pid, 'SIGSTOP');
    await insert(2_001, 2_100);
    await lost.end();
    await until(() => trio.holder !== null && trio.holder !== lost.name, BOOT_LIMIT_MS, 20);
    await insert(3_001, 3_100);
    lost.startAgent(trio.programs.agent);
    await until(() => /"step":"rewind".*"step ended"/.test(lost.log()), BOOT_LIMIT_MS, 100);
    const both = `SELECT count(*) = 2 AS holds FROM pg_replication_slots
      WHERE slot_name IN ('feed', 'archiver')`;
    await trio.holds(() => lost, both);
    await subscriber.sql('ALTER SUBSCRIPTION feed ENABLE');
    await subscriberHasAll();
    await handedOn();
    await subscriber.sql('ALTER SUBSCRIPTION feed DISABLE');
    await insert(3_101, 3_200);
    const command = { type: 'switchover', to: instanceName(lost.name) } as const;
    await until(() => trio.leader.command(command).kind === 'decided', BOOT_LIMIT_MS, 50);
    await trio.untilPrimary(lost.name);
    await insert(3_201, 3_300);
    await subscriber.sql('ALTER SUBSCRIPTION feed ENABLE');
    await subscriberHasAll();
    expect(trio.leader.problems).toEqual([]);
  });

  it('is not taken for safe by an agent that was killed right after it had copied it', async () => {
    const [standby] = trio.standbys;
    if (standby === undefined) throw new Error('there is no standby');
    await handedOn();
    // It is copied anew, and nobody consumes meanwhile: what it needs is not known to be held back yet.
    await subscriber.sql('ALTER SUBSCRIPTION feed DISABLE');
    // Its agent moves it on now and then, and has it in hand for that moment.
    const dropped = `SELECT pg_drop_replication_slot('feed') FROM pg_replication_slots
      WHERE slot_name = 'feed' AND NOT active`;
    await until(async () => (await trio.sql(standby, dropped)).length === 1, BOOT_LIMIT_MS, 50);
    await until(() => unsafe(standby)?.includes('feed') === true, BOOT_LIMIT_MS, 5);
    await standby.stopAgent('SIGKILL');
    expect(unsafe(standby)).toEqual(['feed']);
    standby.startAgent(trio.programs.agent);
    await subscriber.sql('ALTER SUBSCRIPTION feed ENABLE');
    await handedOn();
  });
});
