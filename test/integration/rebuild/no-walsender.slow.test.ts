import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { SqlSession } from '#libs/postgres-run';
import { RebuildRig } from './rebuild-rig.ts';

let rig: RebuildRig;

afterEach(async () => rig?.remove());

it('a rebuild by itself waits, with all its data, until the primary has walsenders for it', async () => {
  rig = await RebuildRig.create({
    definition: {
      parameters: { shared_buffers: '16MB', max_connections: '30', max_wal_senders: '2' },
      rebuild: {
        methods: ['basebackup'],
        automaticRebuild: 'whenSafe',
        inPlaceAlone: true,
        bandwidthBytesPerSecond: null,
      },
    },
  });
  await rig.start();
  await rig.streaming();
  const old = rig.primary;
  const before = rig.leader.events.length;
  await old.end();
  await rig.event('FailoverCompleted', before);
  const taken = new SqlSession({
    ...{ host: rig.primary.directory, port: rig.primary.port, user: 'postgres' },
    ...{ database: 'postgres', replication: true },
    ...{ connectTimeoutMs: 10_000, statementTimeoutMs: 10_000 },
  });
  await taken.query('IDENTIFY_SYSTEM');
  const wal = join(old.dataDirectory, 'pg_wal');
  for (const name of readdirSync(wal)) {
    if (/^[0-9A-F]{24}$/.test(name)) rmSync(join(wal, name));
  }
  const { ino } = statSync(old.dataDirectory);

  old.startAgent(rig.programs.agent);
  const refused = await rig.event('ActionRefused', before);
  expect(refused.refusals).toMatchObject([
    { instance: old.name, rule: 'no-free-walsender', limit: '2 free for pg_basebackup' },
  ]);
  expect(refused.refusals[0]?.value).toBe(`${rig.primary.name}: max_wal_senders = 2, 1 in use`);
  expect(rig.leader.events.slice(before).map(({ event }) => event.type)).not.toContain(
    'RebuildStarted',
  );
  expect(statSync(old.dataDirectory).ino).toBe(ino);
  expect(existsSync(join(old.dataDirectory, 'PG_VERSION'))).toBe(true);

  await taken.end();
  expect((await rig.event('RebuildCompleted', before)).method).toBe('basebackup');
  await rig.streaming();
}, 240_000);
