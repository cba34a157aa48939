/** A cluster that follows the archive of another one, of which no server is ever connected to. */
import { afterEach, expect, it } from 'vitest';
import { BACKUP_TOOLS, type BackupTool } from '#libs/cluster';
import { timelineId } from '#libs/kernel';
import { promote } from '#libs/postgres-run';
import { until } from '../until.ts';
import { BackupSource } from './backup-source.ts';
import { passwords, RebuildRig, type RigOptions } from './rebuild-rig.ts';
import { holdRows } from './rows.ts';
import { repositoryConfig, shareRepository } from './shared-repository.ts';

const LIMIT_MS = 120_000;
const LONG = { timeout: 300_000 };

let source: BackupSource;
let rig: RebuildRig;

afterEach(async () => {
  await rig?.remove();
  await source?.remove();
});

type Tool = {
  readonly begin: () => Promise<unknown>;
  readonly backUp: () => Promise<unknown>;
  /** All that was written so far is in the archive afterwards. */
  readonly archive: () => Promise<unknown>;
  readonly config: NonNullable<RigOptions['config']>;
};

const nothing = () => Promise.resolve();
const walgStorage = (...names: string[]) => source.path('walg', ...names);

/**
 * WAL-G's stand-in keeps plain files, which a program of one's own can copy just as well. It is slow, as one
 * that reaches far: a promotion must not ask it for each of the ids that are left free.
 */
const TOOLS: Readonly<Record<BackupTool, Tool>> = {
  pgbackrest: {
    begin: nothing,
    backUp: () => source.pgbackrest('backup', '--type=full'),
    archive: () => source.archived(),
    config: repositoryConfig,
  },
  barman: {
    begin: () => source.startBarman(),
    backUp: () => source.barmanBackup(),
    archive: () => source.barmanArchived(),
    config: () => ({
      backup: { barman: { server: 'main', program: [...source.barmanSettings.program] } },
    }),
  },
  walg: {
    begin: nothing,
    backUp: () => source.walgBackup(),
    archive: () => source.archived(),
    config: () => ({
      backup: {
        walg: { program: source.path('wal-g'), environmentFile: source.path('wal-g.env') },
      },
    }),
  },
  custom: {
    begin: nothing,
    backUp: () => source.walgBackup(),
    archive: () => source.archived(),
    config: () => ({
      backup: {
        custom: {
          restore: [
            ...['/bin/sh', '-c'],
            `cp -a ${walgStorage('basebackups_005')}/base_*/. "$MATRIARCH_DATA_DIRECTORY"`,
          ],
          fetchWal: ['sh', '-c', `sleep 0.5; exec cp "${walgStorage('wal_005', '%f')}" "%p"`],
        },
      },
    }),
  },
};

async function withBackups({ config }: Tool): Promise<RebuildRig> {
  const made = await RebuildRig.create({
    config,
    definition: {
      rebuild: {
        methods: ['pg_rewind', 'basebackup'],
        automaticRebuild: 'whenSafe',
        inPlaceAlone: true,
        bandwidthBytesPerSecond: null,
      },
    },
  });
  shareRepository(made, source.path('repository'));
  return made;
}

async function rolesOfBoth(): Promise<void> {
  for (const { username, password } of [passwords.replication, passwords.rewind]) {
    await source.primary.sql(
      `CREATE ROLE ${username} LOGIN REPLICATION SUPERUSER PASSWORD '${password}'`,
    );
  }
}

/** Who streams, and from whom it does not. */
async function receivers(): Promise<readonly string[]> {
  const names: string[] = [];
  for (const host of rig.hosts) {
    const { stdout } = await rig.psql(host, 'SELECT count(*) FROM pg_stat_wal_receiver');
    if (stdout.trim() === '1') names.push(host.name);
  }
  return names;
}

/** With one row of the backup, and one that came into the archive after it. */
async function follows(name: BackupTool): Promise<void> {
  const tool = TOOLS[name];
  source = await BackupSource.make();
  await rolesOfBoth();
  await tool.begin();
  await source.insert('in the backup');
  await tool.backUp();
  await source.insert('after the backup');
  await tool.archive();
  rig = await withBackups(tool);
  await rig.start({}, { archive: name });
  await holdRows(rig, 2);
}

it.each(BACKUP_TOOLS)(
  'replays what the other one archives, streams to its own, and is promoted: %s',
  LONG,
  async (name) => {
    await follows(name);
    await source.insert('and now');
    await TOOLS[name].archive();
    await holdRows(rig, 3);
    const leader = rig.leader.state?.following?.leader ?? '';
    const others = rig.hosts.flatMap(({ name }) => (name === leader ? [] : [name]));
    await until(async () => String(await receivers()) === String(others), 60_000);
    const walsenders = 'SELECT count(*) FROM pg_stat_replication';
    expect(Number(await source.primary.sql(walsenders))).toBe(name === 'barman' ? 1 : 0);

    const promote = { type: 'promoteCluster', lastWritten: null } as const;
    expect(rig.leader.command({ ...promote, acceptUnknown: false })).toMatchObject({
      kind: 'refused',
      refusals: [{ rule: 'other-cluster-unknown' }],
    });
    expect(rig.leader.command({ ...promote, acceptUnknown: true }).kind).toBe('decided');
    await rig.streaming();
    expect(rig.primary.name).toBe(leader);
    await rig.psql(rig.primary, "INSERT INTO t VALUES ('written here')");
    await holdRows(rig, 4);
    expect(rig.leader.problems).toEqual([]);
  },
);

it('goes on where the other one was promoted and left timelines free', LONG, async () => {
  await follows('pgbackrest');
  const { primary } = source;
  await primary.stop();
  await primary.startStandby();
  const outcome = await promote(primary.session, {
    ...{ dataDirectory: primary.dataDirectory, promoteTimeoutMs: 20_000 },
    ...{ currentTimeline: timelineId(1), targetTimeline: timelineId(17) },
  });
  expect(outcome).toMatchObject({ kind: 'promoted', timeline: 17 });
  await source.insert('on the new timeline');
  await source.archived();
  await holdRows(rig, 3);
  await until(() => rig.leader.state?.history.at(-1)?.timeline === 17, LIMIT_MS);
  expect(rig.leader.problems).toEqual([]);
});
