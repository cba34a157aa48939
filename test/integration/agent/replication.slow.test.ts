/** Standbys of every kind on real PostgreSQL: cascaded, copied from another standby, delayed, fed by the archive. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configurationOf, DEFAULT_SLOT_POLICY, NO_OVERRIDES } from '#libs/cluster';
import { instanceName } from '#libs/kernel';
import { osUser } from '#libs/process';
import { until } from '../until.ts';
import { AgentTrio } from './agent-trio.ts';

const REBUILD_LIMIT_MS = 90_000;

/** So many receivers stream from a server, of which one is of `name`. */
const streamsTo = (name: string, count = 1) =>
  `SELECT count(*) = ${count} AND bool_or(application_name LIKE 'orders/${name}/%') AS holds
     FROM pg_stat_replication WHERE state = 'streaming'`;
const holdsRows = (count: number) => `SELECT count(*) = ${count} AS holds FROM rows`;

describe('a standby of a standby', () => {
  let trio: AgentTrio;
  const host = (name: string) => () => trio.host(name);

  beforeAll(async () => {
    // Only pg1 may be primary, so that the chain is the same in each run.
    const tags: Record<string, Record<string, unknown>> = {
      pg2: { noFailover: true, cloneFrom: true },
      pg3: { noFailover: true, replicateFrom: 'pg2' },
    };
    trio = await AgentTrio.create((name) => ({ agent: { tags: tags[name] ?? {} }, postgres: {} }));
    trio.leader.create({
      superuser: 'postgres',
      replicationUser: 'replicator',
      rewindUser: 'rewinder',
      parameters: { shared_buffers: '16MB' },
      pgHba: ['host all all 127.0.0.1/32 scram-sha-256'],
    });
    for (const each of trio.hosts) each.startAgent(trio.programs.agent);
    await trio.untilPrimary('pg1');
  });

  afterAll(async () => {
    await trio?.remove();
  });

  it('streams from it, and its rows come by that way', async () => {
    await trio.holds(host('pg2'), streamsTo('pg3'));
    await trio.holds(host('pg1'), streamsTo('pg2'));
    await trio.sql(trio.primary, 'CREATE TABLE rows AS SELECT generate_series(1, 100) AS id');
    await trio.holds(host('pg3'), holdsRows(100));
    await trio.holds(
      host('pg2'),
      "SELECT count(*) = 1 AS holds FROM pg_replication_slots WHERE slot_name = 'pg3' AND active",
    );
  });

  it('is copied from the member that is tagged for it', async () => {
    const marker = (name: string) => join(trio.host(name).dataDirectory, 'made-on-pg2');
    writeFileSync(marker('pg2'), '');
    chmodSync(marker('pg2'), 0o644);
    const order = {
      type: 'rebuild',
      instance: instanceName('pg3'),
      from: null,
      force: false,
    } as const;
    // The first copy may just be proving itself.
    const decided = () =>
      trio.leader.command({ ...order, method: 'basebackup' }).kind === 'decided';
    await until(decided, REBUILD_LIMIT_MS, 100);
    const before = trio.leader.events.length;
    const since = () => trio.leader.events.slice(before).map(({ event }) => event.type);
    await until(() => since().includes('RebuildCompleted'), REBUILD_LIMIT_MS, 100);
    expect(existsSync(marker('pg3'))).toBe(true);
    await trio.holds(host('pg2'), streamsTo('pg3'));
  });

  it('goes to the primary when its upstream is lost, and back once that is there again', async () => {
    const upstream = trio.host('pg2');
    await upstream.end();
    await trio.holds(host('pg1'), streamsTo('pg3'));
    await trio.sql(trio.primary, 'INSERT INTO rows SELECT generate_series(101, 200)');
    await trio.holds(host('pg3'), holdsRows(200));
    upstream.startAgent(trio.programs.agent);
    await trio.holds(host('pg2'), streamsTo('pg3'));
    await trio.holds(host('pg1'), streamsTo('pg2'));
  });

  it('that is delayed has received what it does not show yet, and is no candidate', async () => {
    const delayed = async (delay: string) => {
      const { state } = trio.leader;
      if (state === null) throw new Error('there is no cluster');
      const overrides = {
        ...NO_OVERRIDES,
        instances: { pg3: { recovery_min_apply_delay: delay } },
      };
      const configuration = { ...configurationOf(state), overrides };
      const expected = { expectedRevision: null, comment: null };
      trio.leader.command({ type: 'configure', configuration, ...expected });
      const inForce = `SELECT setting = '${delay}' AS holds FROM pg_settings WHERE name = 'recovery_min_apply_delay'`;
      await trio.holds(host('pg3'), inForce);
    };
    await delayed('3600000');
    await trio.sql(trio.primary, 'INSERT INTO rows SELECT generate_series(201, 300)');
    const [written] = await trio.sql<{ lsn: string }>(
      trio.primary,
      'SELECT pg_current_wal_flush_lsn()::text AS lsn',
    );
    await trio.holds(host('pg3'), `SELECT pg_last_wal_receive_lsn() >= '${written?.lsn}' AS holds`);
    expect(await trio.sql(trio.host('pg3'), holdsRows(200))).toEqual([{ holds: true }]);
    const switchover = trio.leader.command({ type: 'switchover', to: instanceName('pg3') });
    expect(switchover.kind === 'refused' ? switchover.refusals[0]?.rule : '').toBe(
      'tagged-no-failover',
    );
    await delayed('0');
    await trio.holds(host('pg3'), holdsRows(300));
    expect(trio.leader.problems).toEqual([]);
  });
});

describe('a standby that is fed by the archive alone', () => {
  const archive = mkdtempSync(join(tmpdir(), 'matriarch-wal-'));
  let trio: AgentTrio;
  const host = (name: string) => () => trio.host(name);

  beforeAll(async () => {
    const { uid, gid } = osUser('postgres');
    mkdirSync(join(archive, 'wal'));
    for (const path of [archive, join(archive, 'wal')]) chownSync(path, uid, gid);
    const program = (name: string, body: string) => {
      const path = join(archive, name);
      writeFileSync(path, `#!/bin/sh\n${body}\n`);
      chmodSync(path, 0o755);
      return path;
    };
    const put = program(
      'put',
      `cp "$1" ${archive}/wal/"$(basename "$1")".new && mv ${archive}/wal/"$(basename "$1")".new ${archive}/wal/"$(basename "$1")"`,
    );
    const get = program(
      'get',
      `test -f ${archive}/wal/"$1" || exit 1; cp ${archive}/wal/"$1" "$2"`,
    );
    const backup = { custom: { fetchWal: [get, '%f', '%p'], archiveWal: [put, '%p'] } };
    const tags: Record<string, Record<string, unknown>> = {
      pg2: { noFailover: true },
      pg3: { noStream: true, noFailover: true },
    };
    trio = await AgentTrio.create((name) => ({
      agent: { backup, tags: tags[name] ?? {} },
      postgres: {},
    }));
    trio.leader.create({
      superuser: 'postgres',
      replicationUser: 'replicator',
      rewindUser: 'rewinder',
      parameters: { shared_buffers: '16MB', wal_level: 'logical' },
      pgHba: ['host all all 127.0.0.1/32 scram-sha-256'],
      archive: { tool: 'custom' },
      slots: {
        ...DEFAULT_SLOT_POLICY,
        permanent: { feed: { type: 'logical', database: 'postgres', plugin: 'test_decoding' } },
      },
    });
    for (const each of trio.hosts) each.startAgent(trio.programs.agent);
    await trio.untilPrimary('pg1');
  });

  afterAll(async () => {
    await trio?.remove();
    rmSync(archive, { recursive: true });
  });

  it('has no receiver and no slot, and gets the rows of each archived segment', async () => {
    await trio.holds(host('pg3'), 'SELECT pg_is_in_recovery() AS holds', REBUILD_LIMIT_MS);
    await trio.holds(host('pg1'), streamsTo('pg2'));
    await trio.sql(trio.primary, 'CREATE TABLE rows AS SELECT generate_series(1, 100) AS id');
    await trio.sql(trio.primary, 'SELECT pg_switch_wal()');
    await trio.holds(host('pg3'), holdsRows(100), REBUILD_LIMIT_MS);
    expect(trio.host('pg3').receiverPid()).toBeNull();
    const slots = "SELECT slot_name FROM pg_replication_slots WHERE slot_name = 'pg3'";
    expect(await trio.sql(trio.primary, slots)).toEqual([]);
  });

  it('gets no copy of a logical slot', async () => {
    const feed = "SELECT count(*) = 1 AS holds FROM pg_replication_slots WHERE slot_name = 'feed'";
    await trio.holds(host('pg1'), feed);
    expect(await trio.sql(trio.host('pg3'), 'SELECT slot_name FROM pg_replication_slots')).toEqual(
      [],
    );
    expect(trio.leader.problems).toEqual([]);
  });
});
