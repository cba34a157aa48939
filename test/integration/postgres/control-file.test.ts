import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseControlData, parseControlFile } from '#libs/postgres-model';
import { ensureReplicationRole, readControlData } from '#libs/postgres-run';
import { LocalCluster, type LocalInstance, PASSWORD } from './local-instance.ts';

let cluster: LocalCluster;
let pg1: LocalInstance;

beforeAll(async () => {
  cluster = await LocalCluster.make();
  pg1 = await cluster.primary('pg1');
  await ensureReplicationRole(pg1.session, { name: 'replicator', password: PASSWORD });
});

afterAll(() => cluster.cleanUp());

function readControlFile(directory: string) {
  return parseControlFile(readFileSync(join(directory, 'global', 'pg_control')));
}

function asPostgresqlSays(directory: string) {
  const { stdout } = spawnSync(
    join(cluster.installation.binDirectory, 'pg_controldata'),
    [directory],
    { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } },
  );
  return parseControlData(stdout);
}

describe('the control file, read without pg_controldata', () => {
  it('says what pg_controldata says, of a running, a stopped and a recovering instance', async () => {
    const running = readControlFile(pg1.dataDirectory);
    expect(running).toEqual(asPostgresqlSays(pg1.dataDirectory));
    expect(running).toMatchObject({ state: 'in production' });
    const pg2 = await cluster.standby('pg2', pg1);
    expect(readControlFile(pg2.dataDirectory)).toEqual(asPostgresqlSays(pg2.dataDirectory));
    await pg2.stop();
    await pg1.stop();
    expect(readControlFile(pg2.dataDirectory)).toEqual(asPostgresqlSays(pg2.dataDirectory));
    expect(readControlFile(pg1.dataDirectory)).toEqual(asPostgresqlSays(pg1.dataDirectory));
    expect(readControlFile(pg1.dataDirectory)).toMatchObject({ state: 'shut down' });
  });

  it('is not believed when one byte of it is another', async () => {
    const copy = join(cluster.directory, 'damaged');
    mkdirSync(join(copy, 'global'), { recursive: true });
    const bytes = readFileSync(join(pg1.dataDirectory, 'global', 'pg_control'));
    bytes[48] = (bytes[48] ?? 0) ^ 1;
    writeFileSync(join(copy, 'global', 'pg_control'), bytes);
    expect(readControlFile(copy)).toBeNull();
    const whole = await readControlData(cluster.installation, pg1.dataDirectory);
    expect(whole.checkpointTimeline).toBe(1);
  });
});
