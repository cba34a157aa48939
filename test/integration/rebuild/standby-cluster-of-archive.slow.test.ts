/** A cluster that follows the archive of another one, of which no server is ever connected to. */
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { timelineId } from '#libs/kernel';
import { promote } from '#libs/postgres-run';
import { until } from '../until.ts';
import { BackupSource } from './backup-source.ts';
import { passwords, RebuildRig } from './rebuild-rig.ts';

const LIMIT_MS = 120_000;

let source: BackupSource;
let rig: RebuildRig;

afterEach(async () => {
  await rig?.remove();
  await source?.remove();
});

async function withRepository(): Promise<RebuildRig> {
  const made = await RebuildRig.create({
    config: (directory, name) => ({
      backup: { pgbackrest: { stanza: 'main', config: join(directory, `${name}.conf`) } },
    }),
    definition: {
      rebuild: {
        methods: ['pg_rewind', 'basebackup'],
        automaticRebuild: 'whenSafe',
        inPlaceAlone: true,
        bandwidthBytesPerSecond: null,
      },
    },
  });
  for (const { name, dataDirectory, port, directory } of made.hosts) {
    const own = made.owned(`pgbackrest-${name}`);
    const paths = `log-path=${own}\nlock-path=${own}\nspool-path=${own}`;
    made.write(
      `${name}.conf`,
      `[global]\nrepo1-path=${source.path('repository')}\n${paths}\n` +
        `[main]\npg1-path=${dataDirectory}\npg1-port=${port}\npg1-socket-path=${directory}\n`,
    );
  }
  return made;
}

async function rolesOfBoth(): Promise<void> {
  for (const { username, password } of [passwords.replication, passwords.rewind]) {
    await source.primary.sql(
      `CREATE ROLE ${username} LOGIN REPLICATION SUPERUSER PASSWORD '${password}'`,
    );
  }
}

async function holds(count: number): Promise<void> {
  await until(async () => {
    const found = await Promise.all(
      rig.hosts.map((host) => rig.psql(host, 'SELECT count(*) FROM t').catch(() => null)),
    );
    return found.every((answer) => answer?.stdout.trim() === String(count));
  }, LIMIT_MS).catch((cause: unknown) => {
    throw new Error(rig.said(), { cause });
  });
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
async function follows(): Promise<void> {
  source = await BackupSource.make();
  await rolesOfBoth();
  await source.insert('in the backup');
  await source.pgbackrest('backup', '--type=full');
  await source.insert('after the backup');
  await source.archived();
  rig = await withRepository();
  await rig.start({}, { archive: 'pgbackrest' });
  await holds(2);
}

it('replays what the other one archives, streams to its own, and is promoted', async () => {
  await follows();
  await source.insert('and now');
  await source.archived();
  await holds(3);
  const leader = rig.leader.state?.following?.leader ?? '';
  const others = rig.hosts.flatMap(({ name }) => (name === leader ? [] : [name]));
  expect(await receivers()).toEqual(others);
  const walsenders = 'SELECT count(*) FROM pg_stat_replication';
  expect(Number(await source.primary.sql(walsenders))).toBe(0);

  const promote = { type: 'promoteCluster', lastWritten: null } as const;
  expect(rig.leader.command({ ...promote, acceptUnknown: false })).toMatchObject({
    kind: 'refused',
    refusals: [{ rule: 'other-cluster-unknown' }],
  });
  expect(rig.leader.command({ ...promote, acceptUnknown: true }).kind).toBe('decided');
  await rig.streaming();
  expect(rig.primary.name).toBe(leader);
  await rig.psql(rig.primary, "INSERT INTO t VALUES ('written here')");
  await holds(4);
  expect(rig.leader.problems).toEqual([]);
});

it('goes on where the other one was promoted and left timelines free', async () => {
  await follows();
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
  await holds(3);
  await until(() => rig.leader.state?.history.at(-1)?.timeline === 17, LIMIT_MS);
  expect(rig.leader.problems).toEqual([]);
});
