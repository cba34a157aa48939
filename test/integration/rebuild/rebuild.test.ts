import { lstatSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import { ProcTable } from '#libs/process';
import { POSTGRES_BIN } from '../postgres-binaries.ts';
import { until } from '../until.ts';
import { RebuildRig } from './rebuild-rig.ts';
import { localTools, makeBackups } from './rig-backups.ts';

let rig: RebuildRig;

beforeAll(async () => {
  // Beside the primary's data a tablespace, beside the standby's its own place for it, and for WAL.
  rig = await RebuildRig.create({
    config: localTools.config,
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
  localTools.prepare(rig);
  await rig.start();
  await rig.streaming();
});

afterAll(async () => {
  await rig?.remove();
});

/** Names of copies and what is being removed, beside the data directory. */
function leftBeside({ directory }: RebuildRig['standby']): readonly string[] {
  const ours = readdirSync(directory).filter((name) => name.startsWith('data.matriarch-'));
  return ours.filter((name) => !name.includes('guard'));
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
    await makeBackups(rig);
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
    // It streams, and replays what came after its backup.
    const hasTable = `select to_regclass('before_${method}') is not null`;
    await until(async () => (await rig.psql(rig.standby, hasTable)).stdout.trim() === 't', 20_000);
    // What is no longer needed is removed beside everything else: it takes a while.
    await until(() => leftBeside(rig.standby).length === 0, 20_000);
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
    const copier = `${POSTGRES_BIN}/pg_basebackup`;
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
