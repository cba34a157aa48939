import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { RebuildPolicy } from '#libs/cluster';
import { osUser } from '#libs/process';
import { SmallDisk } from '../../chaos/small-disk.ts';
import { until } from '../until.ts';
import { RebuildRig } from './rebuild-rig.ts';

const USER = osUser('postgres');
const policy: RebuildPolicy = {
  methods: ['basebackup'],
  automaticRebuild: 'whenSafe',
  inPlaceAlone: false,
  bandwidthBytesPerSecond: null,
};

let rig: RebuildRig;
let disk: SmallDisk | null = null;

afterEach(async () => {
  for (const host of rig?.hosts ?? []) await host.end();
  await disk?.unmount();
  await rig?.remove();
  disk = null;
});

/** pg1 is the primary; pg2's data is a mount point, its WAL and a tablespace lie elsewhere. */
async function scattered(): Promise<void> {
  rig = await RebuildRig.create({
    config: (directory, name) => ({
      tags: { noFailover: name === 'pg2' },
      backup: { custom: { restore: ['sh', join(directory, 'fill')] } },
    }),
    postgres: (directory, name) => ({
      walDirectory: join(directory, name, 'wal'),
      tablespaces: { [join(directory, 'far-pg1')]: join(directory, `far-${name}`) },
    }),
    definition: {
      rebuild: { ...policy, methods: ['custom', 'basebackup'] },
    },
  });
  for (const name of ['pg1', 'pg2']) rig.owned(`far-${name}`);
  rig.write(
    'fill',
    '[ -e "$0.now" ] || exit 3\ndd if=/dev/zero of="$MATRIARCH_DATA_DIRECTORY/zeros" bs=1M\n',
  );
  const { dataDirectory } = rig.hosts[1] ?? rig.standby;
  disk = new SmallDisk(dataDirectory, join(rig.directory, 'disk'));
  await disk.mount();
  chownSync(dataDirectory, USER.uid, USER.gid);
  chmodSync(dataDirectory, 0o700);
  await rig.start({
    bootstrap: {
      source: null,
      initdbOptions: [],
      sql: [
        `CREATE TABLESPACE far LOCATION '${join(rig.directory, 'far-pg1')}'`,
        'CREATE TABLE far_away (a int) TABLESPACE far',
        'INSERT INTO far_away VALUES (7)',
      ],
    },
  });
  await rig.streaming();
}

describe('a standby whose data is a mount point, with a tablespace and WAL elsewhere', () => {
  it('is built anew there, also after its disk was full and a password wrong', async () => {
    await scattered();
    const { standby, primary } = rig;
    const { dataDirectory } = standby;
    const device = statSync(dataDirectory).dev;
    const whole = async () => {
      const { stdout } = await rig.psql(standby, 'SELECT a FROM far_away');
      expect(stdout.trim()).toBe('7');
      expect(realpathSync(join(dataDirectory, 'pg_wal'))).toBe(join(rig.directory, 'pg2', 'wal'));
      // What was there before is removed beside everything else: it takes a while.
      const far = (): string => readdirSync(join(rig.directory, 'far-pg2')).join();
      await until(() => /^PG_15_\d+$/.test(far()), 20_000);
      expect(statSync(dataDirectory).dev).toBe(device);
      expect(existsSync(join(dataDirectory, '.matriarch-new'))).toBe(false);
    };
    await whole();

    rig.write('fill.now', '');
    const full = rig.order('pg2', null);
    const failed = await rig.event('RebuildMethodFailed', full);
    expect(failed).toMatchObject({ method: 'custom', remaining: 1 });
    expect(failed.reason).toContain('No space left on device');
    expect((await rig.event('RebuildCompleted', full)).method).toBe('basebackup');
    await rig.streaming();
    await whole();

    await rig.psql(primary, "ALTER ROLE replicator PASSWORD 'another'");
    const wrong = rig.order('pg2', 'basebackup');
    const refused = await rig.event('RebuildMethodFailed', wrong);
    expect(refused).toMatchObject({ method: 'basebackup', remaining: 0 });
    expect(refused.reason).toContain('password authentication failed');
    await rig.psql(primary, "ALTER ROLE replicator PASSWORD 'r: secret'");
    const right = rig.order('pg2', 'basebackup');
    await rig.event('RebuildCompleted', right);
    await rig.streaming();
    await whole();
  }, 240_000);
});

describe('a rebuild whose primary is started anew', () => {
  it('waits for it and begins again: the method has not failed', async () => {
    const slowly = { ...policy, bandwidthBytesPerSecond: 4_000_000 };
    rig = await RebuildRig.create({ definition: { rebuild: slowly } });
    await rig.start();
    await rig.streaming();
    const { name } = rig.standby;
    const before = rig.order(name, 'basebackup');
    await until(() => rig.leader.report(name)?.rebuild?.phase === 'copying', 60_000, 1);
    const [pid] = readFileSync(join(rig.primary.dataDirectory, 'postmaster.pid'), 'utf8').split(
      '\n',
    );
    process.kill(Number(pid), 'SIGKILL');
    const done = await rig.event('RebuildCompleted', before, 90_000);
    expect(done.method).toBe('basebackup');
    const events = rig.leader.events.slice(before).map(({ event }) => event);
    expect(events.filter(({ type }) => type === 'RebuildMethodFailed')).toEqual([]);
    expect(events.filter(({ type }) => type === 'Promoted')).toEqual([]);
  }, 240_000);
});

describe('a rebuild whose primary is lost', () => {
  it('is completed from the next one', async () => {
    const slowly = { ...policy, bandwidthBytesPerSecond: 2_000_000 };
    rig = await RebuildRig.create({
      names: ['pg1', 'pg2', 'pg3'],
      // What is there is kept until the copy is whole: pg3 could be promoted in the middle of it.
      config: (_directory, name) => ({ tags: { noFailover: name === 'pg3' } }),
      definition: { rebuild: slowly },
    });
    await rig.start();
    await until(() => streaming().length === 2, 120_000);
    // Without a first copy that is still being proved.
    await rig.streaming();
    const old = rig.primary;
    const other = rig.hosts.find(({ name }) => name === 'pg3');
    if (other === undefined) throw new Error('there is pg3');
    const before = rig.order(other.name, 'basebackup');
    await until(() => rig.leader.report(other.name)?.rebuild?.phase === 'copying', 60_000, 1);
    await old.end();
    const promoted = await rig.event('Promoted', before);
    expect(promoted.instance).not.toBe(old.name);
    await rig.event('RebuildCompleted', before, 180_000);
    await until(() => streaming().includes(other.name), 60_000);
    old.startAgent(rig.programs.agent);
    await until(() => streaming().length === 2, 120_000);
  }, 400_000);
});

function streaming(): readonly string[] {
  return rig.hosts.flatMap(({ name }) => {
    const postgres = rig.leader.report(name)?.postgres;
    return postgres?.kind === 'standby' && postgres.receiver?.streaming === true ? [name] : [];
  });
}
