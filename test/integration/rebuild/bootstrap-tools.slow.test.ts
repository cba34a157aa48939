import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BackupSettings, rebuildTool } from '#libs/backup';
import type { BackupTool, RecoveryTarget } from '#libs/cluster';
import { BackupSource } from './backup-source.ts';
import { restoredBy } from './restored-by.ts';

let source: BackupSource;
/** The last of what each target keeps. */
let lastKept: Record<RecoveryTarget['kind'], string>;
/** Of each tool; the newest of both ended after the targets. */
let firstBackup: Record<'barman' | 'walg', string>;

const KEPT = ['before', 'after the backup', 'last'];

/** A cold copy: `custom` may leave a data directory that was shut down, which is started as it is. */
function custom(): BackupSettings['custom'] {
  const copy = `cp -a ${source.path('cold')}/. "$MATRIARCH_DATA_DIRECTORY"`;
  return { restore: ['sh', '-c', copy], check: null, fetchWal: null, archiveWal: null };
}

/** @param backup instead of the newest one that fits */
function tool(method: BackupTool, backup?: string) {
  const named = backup === undefined ? {} : { backup };
  const settings = {
    pgbackrest: source.pgbackrestSettings,
    barman: { ...source.barmanSettings, ...named },
    walg: { ...source.walgSettings, ...named },
    custom: custom(),
  };
  const made = rebuildTool(method, settings, false);
  if (made === null) throw new Error(`${method} is configured`);
  return made;
}

async function backUp(): Promise<typeof firstBackup> {
  await source.barmanBackup();
  await source.walgBackup();
  const request = await source.request(source.path('nowhere'));
  const idOf = async (method: 'barman' | 'walg') => {
    const { source: text } = await tool(method).inspect(request);
    const id = /^backup (\S+)/.exec(text)?.[1];
    if (id === undefined) throw new Error(`no backup in: ${text}`);
    return id;
  };
  return { barman: await idOf('barman'), walg: await idOf('walg') };
}

beforeAll(async () => {
  source = await BackupSource.make();
  await source.startBarman();
  await source.insert('before');
  firstBackup = await backUp();
  await source.insert('after the backup');
  const { primary } = source;
  // Tools keep the end of a backup in whole seconds.
  await primary.sql('SELECT pg_sleep(1.1)');
  lastKept = await source.keptUntilHere();
  await primary.sql('SELECT pg_sleep(1.1)');
  await source.insert('not wanted');
  const later = await backUp();
  expect(later).not.toEqual(firstBackup);
  await source.insert('last of all');
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
    it.each(['time', 'lsn'] as const)(
      'takes the newest backup that ended before a target by %s, and ends there',
      async (kind) => {
        const target = { kind, value: lastKept[kind] };
        const rows = await restoredBy(source, tool(method), { name: `${method}-${kind}`, target });
        expect(rows).toEqual(KEPT);
      },
    );

    it.each(['name', 'xid'] as const)(
      'ends at a target by %s after the backup that is named',
      async (kind) => {
        const target = { kind, value: lastKept[kind] };
        const made = tool(method, firstBackup[method]);
        const rows = await restoredBy(source, made, { name: `${method}-${kind}`, target });
        expect(rows).toEqual(KEPT);
      },
    );

    it('goes to the end of the archive without one', async () => {
      const rows = await restoredBy(source, tool(method), { name: `${method}-end`, target: null });
      expect(rows).toEqual([...KEPT, 'not wanted', 'last of all']);
    });

    it.each([
      { kind: 'time', value: '2020-01-01 00:00:00+00' },
      { kind: 'lsn', value: '0/1000028' },
    ] as const)('says which target by $kind is too early, and does not begin', async (target) => {
      const early = restoredBy(source, tool(method), {
        name: `${method}-early-${target.kind}`,
        target,
      });
      await expect(early).rejects.toThrow(/before .*(2020|0\/1000028)|before the target/);
    });

    it('fails when the target is not reached', async () => {
      const target = { kind: 'name', value: 'elsewhere' } as const;
      const missed = restoredBy(source, tool(method), { name: `${method}-nowhere`, target });
      await expect(missed).rejects.toThrow(
        'recovery ended before configured recovery target was reached',
      );
    });
  },
);

it('a cluster begins from what a program of its own has left, as it is', async () => {
  const rows = await restoredBy(source, tool('custom'), { name: 'custom-cold', target: null });
  expect(rows).toEqual([...KEPT, 'not wanted', 'last of all']);
});
