import { existsSync, renameSync } from 'node:fs';
import { afterAll, beforeAll } from 'vitest';
import { type BackupSettings, type CopyRequest, finishCopy, rebuildTool } from '#libs/backup';
import { REBUILD_METHODS, type RebuildMethod } from '#libs/cluster';
import { ProcTable } from '#libs/process';
import { BackupSource } from './backup-source.ts';
import { rebuildToolContract } from './rebuild-tool-contract.ts';

/** The root of another major (`npm run test:majors`) need not have it. */
const withBarman =
  process.env['MATRIARCH_TEST_MAJOR'] === undefined || existsSync('/usr/bin/barman');

let source: BackupSource;
let copies = 0;

beforeAll(async () => {
  source = await BackupSource.make();
  if (withBarman) await source.startBarman();
  await source.insert('kept');
  await source.pgbackrest('backup', '--type=full');
  if (withBarman) await source.barmanBackup();
  await source.walgBackup();
  await diverge();
});

afterAll(async () => {
  await source?.remove();
});

/** A copy of the source that was promoted and has written by itself. */
async function diverge(): Promise<void> {
  const request = await source.copy(tool('basebackup', present()), 'twin');
  await finishCopy(source.installation, request.places, request.expected);
  renameSync(request.places.dataDirectory, source.path('twin'));
  const twin = await source.cluster.instance('twin');
  twin.configure({ archive_mode: 'off' });
  await twin.startStandby();
  await twin.sql('SELECT pg_promote()');
  await twin.sql("INSERT INTO t VALUES ('alone')");
  await twin.stop();
}

function present(): BackupSettings {
  return {
    pgbackrest: source.pgbackrestSettings,
    barman: source.barmanSettings,
    walg: source.walgSettings,
    custom: source.customSettings,
  };
}

function absent(): BackupSettings {
  const { pgbackrest, barman, walg, custom } = present();
  return {
    pgbackrest: pgbackrest && { ...pgbackrest, stanza: 'absent' },
    barman: barman && { ...barman, server: 'absent' },
    walg: walg && { ...walg, environmentFile: source.path('absent') },
    custom: custom && { ...custom, check: ['sh', '-c', 'echo nothing is there >&2; exit 1'] },
  };
}

function tool(method: RebuildMethod, settings: BackupSettings) {
  const made = rebuildTool(method, settings, false);
  if (made === null) throw new Error(`${method} is configured`);
  return made;
}

/** Nobody listens on its port. */
function nobody(): CopyRequest['server'] {
  const { server } = source;
  const port = { port: '1' };
  const replication = { ...server.replication, ...port };
  const rewind = { ...server.rewind, ...port };
  const sql = { ...server.sql, port: 1 };
  return { ...server, replication, rewind, sql, walsender: sql };
}

async function request(method: RebuildMethod, change: Partial<CopyRequest> = {}) {
  copies += 1;
  const name = `copy-${copies}`;
  if (method === 'pg_rewind') await source.as(['cp', '-a', source.path('twin'), source.path(name)]);
  return source.copyRequest(name, change);
}

/** Not the shell that waits to kill a tool's group: it copies nothing, and ends a moment after the tool. */
const WATCHER = 'sh -c (trap ';

function copiers({ dataDirectory, places }: CopyRequest): readonly string[] {
  const proc = new ProcTable();
  const of = (title: string) =>
    title.includes(places.dataDirectory) || title.includes(dataDirectory);
  return proc
    .pids()
    .map((pid) => proc.title(pid))
    .filter((title) => of(title) && !title.startsWith(WATCHER));
}

for (const method of REBUILD_METHODS) {
  if (method === 'barman' && !withBarman) continue;
  rebuildToolContract(method, () => ({
    tool: tool(method, present()),
    lost: { tool: tool(method, absent()), change: { server: nobody() } },
    request: (change) => request(method, change),
    copiers,
  }));
}
