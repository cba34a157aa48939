/** A stop does not wait for the archive: what the old primary left is there afterwards all the same. */
import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import { until } from '../until.ts';
import { RebuildRig } from './rebuild-rig.ts';
import { localTools, makeBackups } from './rig-backups.ts';

const LIMIT_MS = 120_000;

let rig: RebuildRig;
afterEach(() => rig?.remove());

it('the archive has no hole where a switchover was', { timeout: 300_000 }, async () => {
  const definition = { archive: { tool: 'pgbackrest' } } as const;
  rig = await RebuildRig.create({ config: localTools.config, definition });
  localTools.prepare(rig);
  await rig.start();
  await rig.streaming();
  await makeBackups(rig);
  const archive = join(rig.directory, 'repository', 'archive', 'main', '15-1', '0000000100000000');
  // Nothing is taken from here on, so that the last segment waits when PostgreSQL stops.
  chmodSync(archive, 0o500);
  const before = rig.primary.name;
  await rig.psql(rig.primary, 'CREATE TABLE t (what text)');
  const { stdout } = await rig.psql(rig.primary, 'SELECT pg_walfile_name(pg_current_wal_lsn())');
  const segment = stdout.trim();
  const command = { type: 'switchover', to: instanceName(rig.standby.name) } as const;
  expect(rig.leader.command(command).kind).toBe('decided');
  await rig.event('SwitchoverCompleted', 0);
  expect(rig.primary.name).not.toBe(before);
  await until(() => rig.leader.report(before)?.problem?.includes('last WAL'), LIMIT_MS);
  chmodSync(archive, 0o750);
  await until(() => readdirSync(archive).some((name) => name.startsWith(segment)), LIMIT_MS).catch(
    (cause: unknown) => {
      throw new Error(rig.said(), { cause });
    },
  );
  await until(() => rig.leader.report(before)?.problem === null, LIMIT_MS);
  expect(rig.leader.problems).toEqual([]);
});
