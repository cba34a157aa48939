/** A cluster that follows what a Barman host has, over SSH: backup and WAL, and nobody of the other cluster is connected to. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../until.ts';
import { BackedUpPair } from './backed-up-pair.ts';
import { BackupHosts } from './backup-hosts.ts';
import { RebuildRig } from './rebuild-rig.ts';
import { holdRows } from './rows.ts';

const LONG = 240_000;

let main: BackedUpPair;
let dr: RebuildRig;

const insert = (rig: RebuildRig, what: string) =>
  rig.psql(rig.primary, `INSERT INTO t VALUES ('${what}')`);

beforeAll(async () => {
  main = await BackedUpPair.start({ config: BackupHosts.agentConfig });
  await main.rig.psql(main.rig.primary, 'CREATE TABLE t (what text)');
  await insert(main.rig, 'after the backup');
  await main.backups.barmanArchived();
}, LONG);

afterAll(async () => {
  await dr?.remove();
  await main?.remove();
});

it('begins from the newest backup there, and replays what comes after it', {
  timeout: LONG,
}, async () => {
  const agentScript = main.rig.programs.agent;
  const definition = {
    rebuild: {
      methods: ['basebackup'],
      automaticRebuild: 'whenSafe',
      inPlaceAlone: true,
      bandwidthBytesPerSecond: null,
    },
  } as const;
  dr = await RebuildRig.create({ config: BackupHosts.agentConfig, definition, agentScript });
  await dr.start({}, { archive: 'barman' });
  await holdRows(dr, 1);
  await insert(main.rig, 'and now');
  await main.backups.barmanArchived();
  await holdRows(dr, 2);
});

it('goes on once a Barman host that fell silent is back', { timeout: LONG }, async () => {
  const thaw = main.backups.freeze('sshd');
  try {
    await insert(main.rig, 'meanwhile');
    await main.backups.barmanArchived();
    const seen = await Promise.all(dr.hosts.map((host) => dr.psql(host, 'SELECT count(*) FROM t')));
    expect(seen.map(({ stdout }) => stdout.trim())).toEqual(['2', '2']);
  } finally {
    thaw();
  }
  await holdRows(dr, 3);
});

it('is promoted, and serves its own standby', { timeout: LONG }, async () => {
  const leader = dr.leader.state?.following?.leader ?? '';
  const walsenders = 'SELECT count(*) FROM pg_stat_replication';
  // The standby of main and Barman.
  expect((await main.rig.psql(main.rig.primary, walsenders)).stdout.trim()).toBe('2');
  const command = { type: 'promoteCluster', lastWritten: null, acceptUnknown: true } as const;
  await until(() => dr.leader.command(command).kind === 'decided', 60_000);
  await dr.streaming();
  expect(dr.primary.name).toBe(leader);
  await insert(dr, 'written here');
  await holdRows(dr, 4);
  for (const rig of [main.rig, dr]) expect(rig.leader.problems).toEqual([]);
});
