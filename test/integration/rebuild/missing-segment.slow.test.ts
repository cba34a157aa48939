/** A repository that lacks one segment of WAL between its backup and the present: the copy never streams, and the next method has its turn. */
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../until.ts';
import { RebuildRig } from './rebuild-rig.ts';
import { localTools, makeBackups } from './rig-backups.ts';

const WAL_LIMIT_MS = 60_000;

let rig: RebuildRig;

beforeAll(async () => {
  rig = await RebuildRig.create({
    config: localTools.config,
    definition: {
      archive: { tool: 'pgbackrest' },
      // The primary keeps for its standby what that has not received yet, and nothing besides.
      parameters: { shared_buffers: '16MB', max_connections: '30', wal_keep_size: '0' },
      rebuild: {
        ...{
          methods: ['pgbackrest', 'basebackup'],
          automaticRebuild: 'never',
          inPlaceAlone: false,
        },
        bandwidthBytesPerSecond: null,
      },
    },
  });
  localTools.prepare(rig);
  await rig.start();
  await rig.streaming();
  await makeBackups(rig);
}, 240_000);

afterAll(async () => {
  await rig?.remove();
});

/** Ends the present segment; resolves with its name once the repository has it. */
async function archivedSegment(): Promise<string> {
  const sql =
    "SELECT pg_walfile_name(pg_switch_wal()) FROM pg_logical_emit_message(true, 'a', 'b')";
  const segment = (await rig.psql(rig.primary, sql)).stdout.trim();
  await until(() => inRepository(segment) !== undefined, WAL_LIMIT_MS, 50);
  return segment;
}

function inRepository(segment: string): string | undefined {
  const archive = join(rig.directory, 'repository', 'archive');
  const files = readdirSync(archive, { recursive: true, encoding: 'utf8' });
  const name = files.find((file) => basename(file).startsWith(`${segment}-`));
  return name === undefined ? undefined : join(archive, name);
}

it('says that the WAL is neither streamed nor in the archive, and is built by the next method', {
  timeout: 300_000,
}, async () => {
  await rig.psql(rig.primary, 'CREATE TABLE after_the_backup AS SELECT 1 AS a');
  const segment = await archivedSegment();
  for (let more = 0; more < 3; more += 1) await archivedSegment();
  const kept = join(rig.primary.dataDirectory, 'pg_wal', segment);
  await until(
    async () => {
      await rig.psql(rig.primary, 'CHECKPOINT');
      return !existsSync(kept);
    },
    WAL_LIMIT_MS,
    500,
  );
  renameSync(inRepository(segment) ?? '', join(rig.directory, 'away'));

  const before = rig.order(rig.standby.name, null);
  const failed = await rig.event('RebuildMethodFailed', before, 150_000);
  expect(failed).toMatchObject({ method: 'pgbackrest', remaining: 1 });
  expect(failed.reason).toMatch(
    /replay stands at .* on timeline 1 for 60 s: the WAL after it is neither streamed nor in the archive/,
  );
  expect((await rig.event('RebuildCompleted', before)).method).toBe('basebackup');
  await rig.streaming();
  const { stdout } = await rig.psql(rig.standby, 'SELECT a FROM after_the_backup');
  expect(stdout.trim()).toBe('1');
  expect(rig.leader.problems).toEqual([]);
});
