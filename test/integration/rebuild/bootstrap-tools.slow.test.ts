import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BackupSettings, rebuildTool } from '#libs/backup';
import type { BackupTool } from '#libs/cluster';
import { BackupSource } from './backup-source.ts';
import { restoredBy } from './restored-by.ts';

let source: BackupSource;
let keptUntil: string;

const KEPT = ['before', 'after the backup'];

/** A cold copy: `custom` may leave a data directory that was shut down, which is started as it is. */
function custom(): BackupSettings['custom'] {
  const copy = `cp -a ${source.path('cold')}/. "$MATRIARCH_DATA_DIRECTORY"`;
  return { restore: ['sh', '-c', copy], check: null, fetchWal: null, archiveWal: null };
}

function tool(method: BackupTool) {
  const settings = {
    pgbackrest: source.pgbackrestSettings,
    barman: source.barmanSettings,
    walg: source.walgSettings,
    custom: custom(),
  };
  const made = rebuildTool(method, settings, false);
  if (made === null) throw new Error(`${method} is configured`);
  return made;
}

beforeAll(async () => {
  source = await BackupSource.make();
  await source.startBarman();
  await source.insert('before');
  await source.barmanBackup();
  await source.walgBackup();
  await source.insert('after the backup');
  const { primary } = source;
  // Tools keep the end of a backup in whole seconds.
  await primary.sql('SELECT pg_sleep(1.1)');
  keptUntil = String(await primary.sql('SELECT clock_timestamp()::text'));
  await primary.sql('SELECT pg_sleep(0.05)');
  await source.insert('not wanted');
  await source.archived();
  await source.barmanArchived();
  await primary.stop();
  await source.as(['cp', '-a', primary.dataDirectory, source.path('cold')]);
}, 240_000);

afterAll(async () => {
  await source?.remove();
});

describe.each(['barman', 'walg'] as const)(
  'a cluster that begins from a backup of %s',
  (method) => {
    it('holds what was there at a target by time', async () => {
      const target = { kind: 'time', value: keptUntil } as const;
      const rows = await restoredBy(source, tool(method), { name: `${method}-time`, target });
      expect(rows).toEqual(KEPT);
    });

    it('goes to the end of the archive without one', async () => {
      const rows = await restoredBy(source, tool(method), { name: `${method}-end`, target: null });
      expect(rows).toEqual([...KEPT, 'not wanted']);
    });

    it('says which target is too early, and does not begin', async () => {
      const target = { kind: 'time', value: '2020-01-01 00:00:00+00' } as const;
      const early = restoredBy(source, tool(method), { name: `${method}-early`, target });
      await expect(early).rejects.toThrow(/before .*2020|before the target/);
    });
  },
);

it('a cluster begins from what a program of its own has left, as it is', async () => {
  const rows = await restoredBy(source, tool('custom'), { name: 'custom-cold', target: null });
  expect(rows).toEqual([...KEPT, 'not wanted']);
});
