/** The first copy of a cluster that follows another, out of a backup of that one. */
import { afterEach, expect, it } from 'vitest';
import { BackupSource } from './backup-source.ts';
import { passwords, RebuildRig } from './rebuild-rig.ts';
import { holdRows } from './rows.ts';
import { repositoryConfig, shareRepository } from './shared-repository.ts';

let source: BackupSource;
let rig: RebuildRig;

afterEach(async () => {
  await rig?.remove();
  await source?.remove();
});

async function withRepository(foreign: BackupSource): Promise<RebuildRig> {
  const made = await RebuildRig.create({
    config: repositoryConfig,
    definition: {
      // Barman is not configured here: its turn passes with a reason.
      rebuild: {
        methods: ['pg_rewind', 'barman', 'pgbackrest', 'basebackup'],
        automaticRebuild: 'whenSafe',
        inPlaceAlone: true,
        bandwidthBytesPerSecond: null,
      },
    },
  });
  shareRepository(made, foreign.path('repository'));
  return made;
}

async function followed(): Promise<void> {
  const { primary } = source;
  for (const { username, password } of [passwords.replication, passwords.rewind]) {
    await primary.sql(`DROP ROLE IF EXISTS ${username}`);
    await primary.sql(`CREATE ROLE ${username} LOGIN REPLICATION SUPERUSER PASSWORD '${password}'`);
  }
  await primary.sql("SELECT pg_create_physical_replication_slot('site_b', true)");
}

const remote = () => ({ host: '127.0.0.1', port: source.primary.port, slot: 'site_b', user: null });

it('begins with the backup by the first method that works, and streams what came after it', async () => {
  source = await BackupSource.make();
  await followed();
  await source.insert('in the backup');
  await source.pgbackrest('backup', '--type=full');
  await source.insert('after the backup');
  rig = await withRepository(source);
  await rig.start({}, remote());
  await holdRows(rig, 2);
  const { following } = rig.leader.state ?? {};
  const leader = rig.hosts.find(({ name }) => name === following?.leader);
  const copying = leader
    ?.log()
    .split('\n')
    .filter((line) => line.includes('first data directory'));
  expect(copying?.[0]).toContain('backup.barman is not configured on this host');
  expect(copying?.[1]).toContain('"method":"pgbackrest"');
  await source.insert('and now');
  await holdRows(rig, 3);
  const streams = 'SELECT count(*) FROM pg_stat_replication WHERE state = $$streaming$$';
  expect(Number(await source.primary.sql(streams))).toBe(1);
});

it('a backup of another database is refused, with both system identifiers, and the next method taken', async () => {
  source = await BackupSource.make();
  await followed();
  await source.insert('here');
  const foreign = await BackupSource.make();
  try {
    await foreign.pgbackrest('backup', '--type=full');
    rig = await withRepository(foreign);
    await rig.start({}, remote());
    await holdRows(rig, 1);
    const logs = rig.hosts.map((host) => host.log()).join('');
    expect(logs).toMatch(/system identifier \d+, but the cluster is \d+/);
  } finally {
    await foreign.remove();
  }
});
