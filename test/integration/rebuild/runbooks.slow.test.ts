import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { RebuildMethod } from '#libs/cluster';
import { POSTGRES_BIN } from '../postgres-binaries.ts';
import { RebuildRig } from './rebuild-rig.ts';
import { localTools } from './rig-backups.ts';
import { Runbook } from './runbook.ts';

const runbooks = {
  pgbackrest: new Runbook('backup-pgbackrest'),
  walg: new Runbook('backup-walg'),
  custom: new Runbook('backup-custom'),
};
const path = process.env['PATH'];
let rig: RebuildRig;

/** The `backup` sections of the runbooks, with this test's paths in the place of theirs. */
function agentFile(directory: string, name: string): Record<string, unknown> {
  const own = (text: string): string =>
    text
      .replaceAll('/etc/pgbackrest.conf', join(directory, `pgbackrest-${name}.conf`))
      .replaceAll('/etc/wal-g.env', join(directory, 'wal-g.env'))
      .replaceAll('/usr/local/bin/', `${directory}/bin/`);
  const sections = Object.values(runbooks).map((runbook) => {
    const { backup } = parse(own(runbook.block('backup:'))) as { backup: object };
    return backup;
  });
  return { backup: Object.assign({}, ...sections), tags: { noFailover: name === 'pg2' } };
}

beforeAll(async () => {
  rig = await RebuildRig.create({
    config: agentFile,
    definition: {
      archive: { tool: 'pgbackrest' },
      rebuild: {
        // Until there is a backup, a server is all there is to copy.
        methods: ['pg_rewind', 'basebackup', 'pgbackrest', 'walg', 'custom'],
        automaticRebuild: 'whenSafe',
        inPlaceAlone: true,
        bandwidthBytesPerSecond: null,
      },
    },
  });
  const bin = rig.owned('bin');
  localTools.prepare(rig);
  copyFileSync(join(rig.directory, 'wal-g'), join(bin, 'wal-g'));
  chmodSync(join(bin, 'wal-g'), 0o755);
  rig.write(
    'wal-g.env',
    `WALG_FILE_PREFIX=${rig.owned('walg')}\nPATH=${bin}:${POSTGRES_BIN}:/usr/bin:/bin\n`,
  );
  rig.write('bin/restore-standby', runbooks.custom.block('#!/bin/sh'), 0o755);
  process.env['PATH'] = `${bin}:${path}`;
  await rig.start();
  await rig.streaming();
  await rig.psql(rig.primary, 'CREATE TABLE kept AS SELECT 7 AS a');
});

afterAll(async () => {
  process.env['PATH'] = path;
  await rig?.remove();
});

async function rebuiltBy(method: RebuildMethod): Promise<void> {
  const before = rig.order(rig.standby.name, method);
  expect(await rig.event('RebuildCompleted', before)).toMatchObject({ method });
  await rig.streaming();
  expect((await rig.psql(rig.standby, 'SELECT a FROM kept')).stdout.trim()).toBe('7');
}

describe('a runbook, followed as written', () => {
  it('backup-pgbackrest: its commands on the primary, and a rebuild', async () => {
    const { name } = rig.primary;
    const env = { PGBACKREST_CONFIG: join(rig.directory, `pgbackrest-${name}.conf`) };
    const commands = runbooks.pgbackrest
      .commands('pgbackrest')
      .filter((one) => one.includes('--stanza'));
    expect(commands.map((command) => command.split(' ')[2])).toEqual([
      'stanza-create',
      'check',
      'backup',
    ]);
    for (const command of commands) await rig.asPostgres(['sh', '-c', command], env);
    await rebuiltBy('pgbackrest');
  });

  it('backup-walg: its backup, with the program that stands in for WAL-G, and a rebuild', async () => {
    const [push] = runbooks.walg.commands('wal-g');
    const { directory, dataDirectory, port } = rig.primary;
    const env = {
      WALG_FILE_PREFIX: join(rig.directory, 'walg'),
      PGHOST: directory,
      PGPORT: String(port),
    };
    await rig.asPostgres(['sh', '-c', `${push} ${dataDirectory}`], env);
    await rebuiltBy('walg');
  });

  it('backup-custom: its program, and a rebuild', async () => {
    await rebuiltBy('custom');
  });

  it('backup-basebackup: nothing is to be set up', async () => {
    await rebuiltBy('basebackup');
  });
});
