import { renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import { until } from '../until.ts';
import { BackedUpPair } from './backed-up-pair.ts';
import { BackupHosts } from './backup-hosts.ts';

let pair: BackedUpPair;

beforeAll(async () => {
  pair = await BackedUpPair.start({ config: BackupHosts.agentConfig, repository: true });
}, 240_000);

afterAll(async () => {
  await pair?.remove();
});

/** How far a copy is, as Prometheus sees it. */
async function progressInMetrics(): Promise<void> {
  await until(
    async () => {
      const metrics = await pair.rig.standby.body('/metrics');
      return ['done', 'total'].every((part) =>
        new RegExp(`^matriarch_rebuild_${part}_bytes\\S* [1-9]`, 'm').test(metrics),
      );
    },
    60_000,
    100,
  );
}

describe('backups on hosts of their own', () => {
  it('pgBackRest copies from its repository host over TLS', () => pair.rebuiltBy('pgbackrest'));

  it('Barman pushes over SSH', () => pair.rebuiltBy('barman'));

  it('Barman pushes over SSH what it has copied with rsync', async () => {
    const { rig, backups } = pair;
    await backups.startBarman(rig.primary, 0, 'rsync');
    try {
      await pair.rebuiltBy('barman', 'by_rsync');
    } finally {
      await backups.startBarman(rig.primary);
    }
  });

  it('fetches WAL with barman-wal-restore, and tells what is missing from what failed', async () => {
    const { rig, backups } = pair;
    const segment = (await backups.barman('list-files', '--target', 'wal', 'main', 'latest'))
      .trim()
      .split('\n')
      .at(-1);
    const name = segment?.split('/').at(-1) ?? '';
    const to = join(rig.owned('fetched'), name);
    const fetch = ['barman-wal-restore', '--user', 'barman', 'backup1', 'main'];
    await rig.asPostgres([...fetch, name, to]);
    expect(statSync(to).size).toBe(16 * 1_048_576);
    const absent = rig.asPostgres([...fetch, '0000000900000000000000AA', `${to}-no`]);
    await expect(absent).rejects.toMatchObject({ failure: { exitCode: 1 } });
    const unreachable = rig.asPostgres([...fetch.with(3, 'nowhere.invalid'), name, `${to}-no`]);
    await expect(unreachable).rejects.toMatchObject({ failure: { exitCode: 2 } });
  });

  it.each([
    [
      'is cancelled',
      (name: string) => {
        pair.rig.leader.command({ type: 'cancelRebuild', instance: instanceName(name) });
      },
    ],
    ['loses its agent', () => pair.rig.standby.stopAgent('SIGKILL')],
  ])('leaves nobody who copies, here or there, when it %s', async (_what, strike) => {
    const { name } = pair.rig.standby;
    await pair.whileSlow(async () => {
      pair.rig.order(name, 'barman', true);
      await until(() => pair.copying().length > 1, 60_000);
      await progressInMetrics();
      await strike(name);
      await until(() => pair.copying().length === 0, 30_000);
    });
    await pair.wholeAgain();
  });

  it('gives up a Barman host that falls silent in the middle', { timeout: 300_000 }, async () => {
    const { rig, backups } = pair;
    await pair.whileSlow(async () => {
      const before = rig.order(rig.standby.name, 'barman', true);
      await until(() => pair.copying().length > 1, 60_000);
      const thaw = backups.freeze('sshd');
      try {
        const failed = await rig.event('RebuildMethodFailed', before, 180_000);
        expect(failed.reason).toContain('the connection to backup1 broke off');
      } finally {
        thaw();
      }
      await until(() => pair.copying().length === 0, 60_000);
    });
    await pair.wholeAgain();
  });

  it('gives up a pgBackRest host that falls silent in the middle', {
    timeout: 300_000,
  }, async () => {
    const { rig, backups } = pair;
    const { name } = rig.standby;
    // More than is copied before it can be seen to begin.
    const filling = 'SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, 200000) g';
    await rig.psql(rig.primary, `CREATE TABLE filling AS ${filling}`);
    await backups.backUpRepository();
    const before = rig.order(name, 'pgbackrest', true);
    const copies = () => {
      const rebuild = rig.leader.report(name)?.rebuild;
      return rebuild?.phase === 'copying' && rebuild.doneBytes > 0n;
    };
    await until(copies, 60_000, 1);
    const thaw = backups.freeze('pgbackrest');
    try {
      const failed = await rig.event('RebuildMethodFailed', before, 180_000);
      expect(failed.reason).toContain('timeout after 90000ms');
    } finally {
      thaw();
    }
    await until(() => pair.copying().length === 0, 60_000);
    await pair.wholeAgain();
  });

  it('says what the Barman host said, when it cannot reach this one', async () => {
    const { rig, backups } = pair;
    const authorized = join(backups.directory, 'keys', 'authorized-postgres');
    renameSync(authorized, `${authorized}-away`);
    try {
      const before = rig.order(rig.standby.name, 'barman', true);
      const failed = await rig.event('RebuildMethodFailed', before);
      expect(failed.reason).toMatch(/Permission denied|ssh/i);
    } finally {
      renameSync(`${authorized}-away`, authorized);
    }
  });

  it('pgBackRest copies from its repository host over SSH', async () => {
    await pair.backups.moveRepositoryBehindSsh(pair.rig.primary);
    await pair.rebuiltBy('pgbackrest', 'over_ssh');
  });
});
