/**
 * A backup of a later timeline, made without WAL, has no history of that timeline: it is brought along before the
 * copy is put in place, without which nobody could tell where it lies and it would not be started.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import { RebuildRig } from './rebuild-rig.ts';
import { localTools, makeBackups } from './rig-backups.ts';

let rig: RebuildRig;
afterEach(() => rig?.remove());

it('a backup made after a switchover is put in place, starts and streams', {
  timeout: 300_000,
}, async () => {
  const method = 'pgbackrest';
  rig = await RebuildRig.create({
    config: localTools.config,
    definition: { archive: { tool: method } },
  });
  localTools.prepare(rig);
  await rig.start();
  await rig.streaming();
  const { name: was } = rig.primary;
  const command = { type: 'switchover', to: instanceName(rig.standby.name) } as const;
  expect(rig.leader.command(command).kind).toBe('decided');
  await rig.event('SwitchoverCompleted', 0);
  await rig.streaming();
  await rig.psql(rig.primary, 'CREATE TABLE after_the_switchover AS SELECT 1 AS a');
  await makeBackups(rig);

  const before = rig.order(was, method);
  expect((await rig.event('RebuildCompleted', before)).method).toBe(method);
  await rig.streaming();
  expect(rig.standby.name).toBe(was);
  const history = join(rig.standby.dataDirectory, 'pg_wal', '00000002.history');
  expect(existsSync(history)).toBe(true);
  const { stdout } = await rig.psql(rig.standby, 'SELECT a FROM after_the_switchover');
  expect(stdout.trim()).toBe('1');
  expect(rig.leader.problems).toEqual([]);
});
