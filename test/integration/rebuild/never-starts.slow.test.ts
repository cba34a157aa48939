import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '#libs/cluster';
import type { AgentHost } from '../agent/agent-host.ts';
import { until } from '../until.ts';
import { RebuildRig } from './rebuild-rig.ts';

let rig: RebuildRig;

afterEach(async () => rig?.remove());

const damages = [
  {
    what: 'a value in postgresql.auto.conf that PostgreSQL refuses',
    damage: ({ dataDirectory }: AgentHost) =>
      appendFileSync(join(dataDirectory, 'postgresql.auto.conf'), "shared_buffers = '8192GB'\n"),
    says: /PostgreSQL does not start \(FATAL: .*postgresql\.auto\.conf.* contains errors\): see .*\.log/,
  },
  {
    what: 'a damaged file that every start reads',
    damage: ({ dataDirectory }: AgentHost) =>
      writeFileSync(join(dataDirectory, 'global', 'pg_filenode.map'), Buffer.alloc(512)),
    says: /PostgreSQL does not start \(FATAL: .*pg_filenode\.map.*\): see .*\.log/,
  },
] as const;

describe('a primary whose every start fails', () => {
  it.each(damages)(
    'for $what: another serves after restartInPlaceMs, and it says why',
    async ({ damage, says }) => {
      rig = await RebuildRig.create();
      await rig.start();
      await rig.streaming();
      const old = rig.primary;
      await rig.psql(old, 'CREATE TABLE kept AS SELECT 1 AS a');
      const caughtUp =
        'SELECT bool_and(replay_lsn >= pg_current_wal_lsn()) FROM pg_stat_replication';
      await until(async () => (await rig.psql(old, caughtUp)).stdout.trim() === 't', 60_000);
      const before = rig.leader.events.length;
      const postmaster = old.postmasterPid();
      if (postmaster === null) throw new Error('PostgreSQL runs');
      damage(old);
      process.kill(postmaster, 'SIGKILL');
      const downAtMs = performance.now();

      const why = until(() => says.exec(rig.leader.report(old.name)?.problem ?? '')?.[0], 90_000);
      const [failover] = await Promise.all([rig.event('FailoverStarted', before), why]);
      expect(failover).toMatchObject({ primary: old.name, trigger: 'postgres-down' });
      // Its restarts had their time first, and not one moment less.
      expect(performance.now() - downAtMs).toBeGreaterThan(DEFAULT_SETTINGS.restartInPlaceMs - 500);
      expect((await rig.event('Promoted', before)).instance).not.toBe(old.name);
      await rig.event('FailoverCompleted', before);
      expect((await rig.psql(rig.primary, 'SELECT a FROM kept')).stdout.trim()).toBe('1');
    },
    240_000,
  );
});
