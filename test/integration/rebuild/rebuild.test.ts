import {
  copyFileSync,
  existsSync,
  lstatSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import { ProcTable } from '#libs/process';
import { until } from '../until.ts';
import { RebuildRig } from './rebuild-rig.ts';

let rig: RebuildRig;

/** Beside the primary's data a tablespace, beside the standby's its own place for it, and for WAL. */
const config = (directory: string, name: string) => ({
  backup: {
    pgbackrest: { stanza: 'main', config: join(directory, `pgbackrest-${name}.conf`) },
    walg: { program: join(directory, 'wal-g'), environmentFile: join(directory, 'wal-g.env') },
    custom: {
      restore: ['/bin/sh', join(directory, 'restore')],
      check: ['/bin/sh', '-c', 'echo bytes=1000'],
    },
  },
});

beforeAll(async () => {
  rig = await RebuildRig.create({
    config,
    postgres: (directory, name) => ({
      walDirectory: join(directory, name, 'wal'),
      tablespaces: { [join(directory, 'ts-pg1')]: join(directory, `ts-${name}`) },
    }),
    definition: {
      archive: { tool: 'pgbackrest' },
      rebuild: {
        methods: ['pgbackrest', 'basebackup'],
        automaticRebuild: 'whenSafe',
        inPlaceAlone: false,
        bandwidthBytesPerSecond: null,
      },
    },
  });
  for (const name of ['pg1', 'pg2']) rig.owned(`ts-${name}`);
  const repository = rig.owned('repository');
  for (const host of rig.hosts) {
    const own = rig.owned(`pgbackrest-${host.name}`);
    rig.write(
      `pgbackrest-${host.name}.conf`,
      `[global]\nrepo1-path=${repository}\nlog-path=${own}\nlock-path=${own}\nspool-path=${own}\n` +
        'start-fast=y\nrepo1-retention-full=2\ncompress-level=1\n' +
        `[main]\npg1-path=${host.dataDirectory}\npg1-port=${host.port}\npg1-socket-path=${host.directory}\n`,
    );
  }
  copyFileSync(join(import.meta.dirname, 'wal-g-stand-in'), join(rig.directory, 'wal-g'));
  rig.write(
    'wal-g.env',
    `WALG_FILE_PREFIX=${rig.owned('walg')}\nPATH=/usr/lib/postgresql/15/bin:/usr/bin:/bin\n`,
  );
  rig.write(
    'restore',
    `[ -e ${join(rig.directory, 'slow')} ] && limit=--max-rate=32\n` +
      '/usr/lib/postgresql/15/bin/pg_basebackup -d "$MATRIARCH_SOURCE" -D "$MATRIARCH_DATA_DIRECTORY" ' +
      '-c fast -X none $limit || exit\n',
  );
  await rig.start();
  await rig.streaming();
});

afterAll(async () => {
  await rig?.remove();
});

async function backup(): Promise<void> {
  const { primary } = rig;
  const pgbackrest = [
    'pgbackrest',
    `--config=${join(rig.directory, `pgbackrest-${primary.name}.conf`)}`,
    '--stanza=main',
  ];
  await rig.asPostgres([...pgbackrest, 'stanza-create']);
  await rig.asPostgres([...pgbackrest, 'backup', '--type=full']);
  await rig.asPostgres([join(rig.directory, 'wal-g'), 'backup-push', primary.dataDirectory], {
    WALG_FILE_PREFIX: join(rig.directory, 'walg'),
    PGHOST: primary.directory,
    PGPORT: String(primary.port),
  });
}

describe('an instance whose data is built anew', () => {
  it('begins by the first method that has a source, and says why another had none', () => {
    const failed = rig.leader.events.find(({ event }) => event.type === 'RebuildMethodFailed');
    expect(failed?.event).toMatchObject({ method: 'pgbackrest', remaining: 1 });
    const done = rig.leader.events.find(({ event }) => event.type === 'RebuildCompleted');
    expect(done?.event).toMatchObject({ method: 'basebackup' });
  });

  it('has its WAL where its file says', () => {
    const { dataDirectory, name } = rig.standby;
    expect(lstatSync(join(dataDirectory, 'pg_wal')).isSymbolicLink()).toBe(true);
    expect(realpathSync(join(dataDirectory, 'pg_wal'))).toBe(
      realpathSync(join(rig.directory, name, 'wal')),
    );
  });

  it('archives through our script', async () => {
    await backup();
    const { stdout } = await rig.psql(
      rig.primary,
      'select failed_count, archived_count from pg_stat_archiver',
    );
    expect(Number(stdout.split('|')[1])).toBeGreaterThan(0);
  });

  it.each(['basebackup', 'pgbackrest', 'walg', 'custom'] as const)('%s', async (method) => {
    await rig.psql(rig.primary, `create table if not exists before_${method} (a int)`);
    const before = rig.order(rig.standby.name, method);
    const done = await rig.event('RebuildCompleted', before);
    expect(done.method).toBe(method);
    await rig.streaming();
    const { stdout } = await rig.psql(rig.standby, `select to_regclass('before_${method}')`);
    expect(stdout.trim()).toBe(`before_${method}`);
    await until(() => !existsSync(`${rig.standby.dataDirectory}.matriarch-aside`), 5_000);
    const left = readdirSync(rig.standby.directory).filter((name) =>
      name.startsWith('data.matriarch-'),
    );
    expect(left.filter((name) => !name.includes('guard'))).toEqual([]);
  });

  it('falls to the next method with the reason, when the repository is gone', async () => {
    const repository = join(rig.directory, 'repository');
    renameSync(repository, `${repository}-away`);
    try {
      const before = rig.order(rig.standby.name, null);
      const failed = await rig.event('RebuildMethodFailed', before);
      expect(failed).toMatchObject({ method: 'pgbackrest', remaining: 1 });
      expect(failed.reason).toContain('stanza');
      expect((await rig.event('RebuildCompleted', before)).method).toBe('basebackup');
    } finally {
      renameSync(`${repository}-away`, repository);
    }
    await rig.streaming();
  });

  it('is finished after its agent was killed at each phase', async () => {
    for (const phase of ['copying', 'starting'] as const) {
      const host = rig.standby;
      const before = rig.order(host.name, 'basebackup');
      await until(() => rig.leader.report(host.name)?.rebuild?.phase === phase, 60_000, 1).catch(
        (cause: unknown) => {
          throw new Error(rig.said(), { cause });
        },
      );
      await host.stopAgent('SIGKILL');
      host.startAgent(rig.programs.agent);
      expect((await rig.event('RebuildCompleted', before)).method).toBe('basebackup');
      await rig.streaming();
    }
  });

  it('takes along what its tool has started, when its agent is killed', async () => {
    const host = rig.standby;
    const slow = rig.write('slow', '');
    const before = rig.order(host.name, 'custom');
    const copying = () =>
      new ProcTable().pids().filter((pid) => new ProcTable().title(pid).startsWith(copier)).length;
    const copier = '/usr/lib/postgresql/15/bin/pg_basebackup';
    await until(() => copying() > 0, 60_000);
    await host.stopAgent('SIGKILL');
    await until(() => copying() === 0, 15_000);
    rmSync(slow);
    host.startAgent(rig.programs.agent);
    expect((await rig.event('RebuildCompleted', before)).method).toBe('custom');
    await rig.streaming();
  });

  it('stays as it is when it is cancelled, until a new order', async () => {
    const host = rig.standby;
    const before = rig.order(host.name, 'pgbackrest');
    await until(() => rig.leader.report(host.name)?.rebuild?.phase === 'copying', 60_000, 1);
    rig.leader.command({ type: 'cancelRebuild', instance: instanceName(host.name) });
    await rig.event('RebuildCancelled', before);
    await until(() => {
      const report = rig.leader.report(host.name);
      return report?.postgres.kind === 'standby' && report.postgres.receiver?.streaming === true;
    }, 60_000);
    const again = rig.order(host.name, 'basebackup');
    await rig.event('RebuildCompleted', again);
    await rig.streaming();
  });
});
