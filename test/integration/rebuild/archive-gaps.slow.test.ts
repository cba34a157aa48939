/** A segment that the archive lacks between a backup and the present is named before anything is copied. */
import { renameSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { proveSource, rebuildTool } from '#libs/backup';
import { BackupSource } from './backup-source.ts';

const LIMIT_MS = 120_000;

let source: BackupSource;
let segment: string;

beforeAll(async () => {
  source = await BackupSource.make();
  await source.startBarman();
  await source.insert('kept');
  await source.barmanBackup();
  await source.walgBackup();
  segment = await source.archived();
  for (let more = 0; more < 2; more += 1) await source.archived();
  await source.barmanArchived();
}, LIMIT_MS);

afterAll(async () => {
  await source?.remove();
});

const archives = {
  barman: () => source.path('barman', 'main', 'wals', segment.slice(0, 16), segment),
  walg: () => source.path('walg', 'wal_005', segment),
} as const;

it.each(['barman', 'walg'] as const)('%s', { timeout: LIMIT_MS }, async (method) => {
  const { barmanSettings: barman, walgSettings: walg } = source;
  const tool = rebuildTool(method, { pgbackrest: null, barman, walg, custom: null }, false);
  if (tool === null) throw new Error(`${method} is configured`);
  const request = await source.request(source.path(`copy-by-${method}`));
  const prove = () => proveSource(tool, request, null);
  expect(await prove()).toMatchObject({ ok: true });
  const [there, away] = [archives[method](), source.path('away')];
  renameSync(there, away);
  const { ok, detail } = await prove();
  expect(detail).toContain(`and ${segment} is missing there`);
  expect(ok).toBe(false);
  renameSync(away, there);
  expect(await prove()).toMatchObject({ ok: true });
});
