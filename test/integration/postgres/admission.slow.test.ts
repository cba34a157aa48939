import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askAdmission, type ServerAccess } from '#libs/backup';
import { baseBackup, SqlSession, writeHba } from '#libs/postgres-run';
import { LocalCluster, type LocalInstance, PASSWORD } from './local-instance.ts';

let cluster: LocalCluster;
let primary: LocalInstance;

beforeAll(async () => {
  cluster = await LocalCluster.make();
  primary = await cluster.primary('pg1', { max_wal_senders: '2', max_replication_slots: '1' });
  await primary.sql(`CREATE ROLE replicator LOGIN REPLICATION PASSWORD '${quoted(PASSWORD)}'`);
  await primary.sql(`CREATE ROLE reader LOGIN PASSWORD '${quoted(PASSWORD)}'`);
}, 60_000);

afterAll(async () => cluster?.cleanUp());

function quoted(text: string): string {
  return text.replaceAll("'", "''");
}

function server(user = 'replicator', password = PASSWORD): ServerAccess {
  const conninfo = primary.conninfo(user);
  const sql = primary.target();
  const walsender = { ...sql, host: '127.0.0.1', user, password };
  return {
    ...{ name: 'pg1', replication: conninfo, rewind: conninfo, sql, walsender },
    ...{ streams: true, slotName: 'pg2' },
  };
}

async function refusals(access: ServerAccess, wanted = 2): Promise<string> {
  const { checks } = await askAdmission(access, wanted);
  return checks.flatMap(({ ok, detail }) => (ok ? [] : [detail])).join('\n');
}

describe('whether a server lets a copy in', () => {
  it('is tried with as many walsenders as it needs, all free again afterwards', async () => {
    for (let round = 0; round < 5; round += 1) expect(await refusals(server())).toBe('');
    const directory = mkdtempSync(join(cluster.directory, 'copy-'));
    rmSync(directory, { recursive: true });
    // Takes both of them.
    await baseBackup(cluster.installation, {
      dataDirectory: directory,
      source: primary.conninfo('replicator'),
      secrets: { password: PASSWORD },
      timeoutMs: 60_000,
    });
  }, 90_000);

  it('says so when too few walsenders are left', async () => {
    const other = new SqlSession({ ...server().walsender, replication: true });
    await other.query('IDENTIFY_SYSTEM');
    try {
      expect(await refusals(server())).toContain(
        'max_wal_senders = 2 on pg1, 1 in use, 2 needed: pg1 refuses replicator: ',
      );
      expect(await refusals(server(), 1)).toBe('');
    } finally {
      await other.end();
    }
    expect(await refusals(server())).toBe('');
  });

  it('says so when every slot is somebody else’s', async () => {
    await primary.sql(`SELECT pg_create_physical_replication_slot('debezium')`);
    expect(await refusals(server())).toContain(
      'max_replication_slots = 1 on pg1, all in use (debezium), none for pg2',
    );
    await primary.sql(`SELECT pg_drop_replication_slot('debezium')`);
  });

  it('says so when the role may not, or shows another password', async () => {
    writeHba(primary.dataDirectory, [
      'local all all trust',
      'local replication all trust',
      'host replication all 127.0.0.1/32 scram-sha-256',
    ]);
    await primary.sql('SELECT pg_reload_conf()');
    expect(await refusals(server('replicator', 'another'))).toContain('password of replicator');
    expect(await refusals(server('reader'))).toContain('ALTER ROLE "reader" REPLICATION');
  });

  it('says so when pg_hba.conf does not let this host in', async () => {
    writeHba(primary.dataDirectory, ['local all all trust']);
    await primary.sql('SELECT pg_reload_conf()');
    await expect
      .poll(() => refusals(server()), { timeout: 20_000 })
      .toContain('a line of `pgHba` (`matriarch config edit`) must let it in from this host');
  });
});
