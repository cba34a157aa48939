import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll } from 'vitest';
import { type BackupSettings, type CopyRequest, finishCopy, rebuildTool } from '#libs/backup';
import { REBUILD_METHODS, type RebuildMethod } from '#libs/cluster';
import { ProcessError } from '#libs/process';
import {
  PgBackupApiStandIn,
  type Recovered,
} from '../../../libs/backup/src/testing/pg-backup-api-stand-in.ts';
import { BackupSource } from './backup-source.ts';
import { copyingInto } from './copying-into.ts';
import { rebuildToolContract } from './rebuild-tool-contract.ts';

/** The root of another major (`npm run test:majors`) need not have it. */
const withBarman =
  process.env['MATRIARCH_TEST_MAJOR'] === undefined || existsSync('/usr/bin/barman');

let source: BackupSource;
/** Before the same Barman. */
let api: PgBackupApiStandIn;
let copies = 0;

beforeAll(async () => {
  source = await BackupSource.make();
  api = await PgBackupApiStandIn.listen({ diagnose, recover });
  if (withBarman) await source.startBarman();
  await source.insert('kept');
  await source.pgbackrest('backup', '--type=full');
  if (withBarman) await source.barmanBackup();
  await source.walgBackup();
  await diverge();
});

afterAll(async () => {
  await api?.close();
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

async function diagnose(): Promise<string> {
  return (await source.barman('diagnose')).stdout;
}

async function recover(argv: readonly string[]): Promise<Recovered> {
  try {
    return { exitCode: 0, output: (await source.barman('recover', ...argv)).stdout };
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    return { exitCode: error.failure.exitCode ?? 1, output: error.message };
  }
}

/** All by the API: what would be asked of Barman itself fails. What it has done over SSH is done on this host. */
function byApi(url: string): BackupSettings {
  writeFileSync(source.path('done-here'), 'shift; exec sh -c "$*"\n');
  const remoteSshCommand = `sh ${source.path('done-here')} here`;
  const barman = { ...source.barmanSettings, program: ['false'], host: 'here', remoteSshCommand };
  return { ...present(), barman: { ...barman, api: { url, ca: null, client: null } } };
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

function copiers({ dataDirectory, places }: CopyRequest): readonly string[] {
  return copyingInto(places.dataDirectory, dataDirectory);
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

if (withBarman) {
  rebuildToolContract('barman by pg-backup-api', () => ({
    tool: tool('barman', byApi(api.url)),
    lost: { tool: tool('barman', byApi('http://127.0.0.1:1')), change: {} },
    request: (change) => request('barman', change),
    copiers,
  }));
}
