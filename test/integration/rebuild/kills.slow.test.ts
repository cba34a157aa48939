import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RebuildMethod, RebuildReport } from '#libs/cluster';
import { ProcTable } from '#libs/process';
import { until } from '../until.ts';
import { RebuildRig } from './rebuild-rig.ts';
import { localTools, makeBackups } from './rig-backups.ts';

let rig: RebuildRig;

afterEach(() => {
  expect(rig.leader.problems).toEqual([]);
});

describe('a rebuild whose agent is killed', () => {
  beforeAll(async () => {
    rig = await RebuildRig.create({
      config: localTools.config,
      // The roles do not change: what is struck is always the standby.
      definition: { archive: { tool: 'pgbackrest' } },
    });
    localTools.prepare(rig);
    await rig.start();
    await rig.streaming();
    await makeBackups(rig);
  });

  afterAll(async () => rig?.remove());

  const phases: readonly RebuildReport['phase'][] = [
    'preflight',
    'copying',
    'replacing',
    'starting',
  ];
  const methods: readonly RebuildMethod[] = ['basebackup', 'pgbackrest', 'walg', 'custom'];

  it.each(methods.flatMap((method) => phases.map((phase) => [method, phase] as const)))(
    'by %s at %s goes on, and ends with the same method',
    async (method, phase) => {
      const host = rig.standby;
      const before = rig.order(host.name, method);
      // A phase of a millisecond may be over before it is seen: then it is struck in the next one.
      await until(() => {
        const now = rig.leader.report(host.name)?.rebuild;
        if (now == null || now.order !== before + 1) return false;
        return phases.indexOf(now.phase) >= phases.indexOf(phase) || now.phase === 'streaming';
      }, 60_000);
      await host.stopAgent('SIGKILL');
      host.startAgent(rig.programs.agent);
      expect((await rig.event('RebuildCompleted', before)).method).toBe(method);
      await rig.streaming();
      const left = () =>
        readdirSync(host.directory).filter((name) => /^data\.matriarch-(?!guard)/.test(name));
      await until(() => left().length === 0, 20_000);
    },
  );
});

describe('what is begun and does not end', () => {
  afterEach(async () => rig?.remove());

  it('initdb, with its agent: it is done again, from nothing', async () => {
    rig = await RebuildRig.create();
    const starting = rig.start();
    const proc = new ProcTable();
    const initialising = () =>
      proc
        .pids()
        .some((pid) => /initdb .*matriarch-new|postgres --(boot|single)/.test(proc.title(pid)));
    await until(initialising, 60_000, 1);
    for (const host of rig.hosts) await host.stopAgent('SIGKILL');
    await until(() => !initialising(), 20_000);
    for (const host of rig.hosts) host.startAgent(rig.programs.agent);
    await starting;
    await rig.streaming();
    const initialised = rig.leader.events.filter(
      ({ event }) => event.type === 'ClusterInitialised',
    );
    expect(initialised).toHaveLength(1);
  });

  it('a rewind that needs WAL which is gone: the next method has its turn', async () => {
    rig = await RebuildRig.create({
      definition: {
        // What may be lost in a failover is less than one ordinary segment.
        bootstrap: { source: null, initdbOptions: ['--wal-segsize=1'], sql: [] },
        rebuild: {
          methods: ['pg_rewind', 'basebackup'],
          automaticRebuild: 'whenSafe',
          inPlaceAlone: true,
          bandwidthBytesPerSecond: null,
        },
      },
    });
    await rig.start();
    await rig.streaming();
    const old = rig.primary;
    const say = (bytes: number) =>
      `SELECT pg_logical_emit_message(false, 'x', repeat('y', ${bytes}))`;
    await rig.psql(old, `SELECT pg_switch_wal(); ${say(300_000)}`);
    const behind =
      'SELECT count(*) FROM pg_stat_replication WHERE flush_lsn < pg_current_wal_lsn()';
    await until(async () => (await rig.psql(old, behind)).stdout.trim() === '0', 30_000);
    // What is written from here on stays here; its own recovery begins behind the segment of the fork.
    for (const { pid, title } of old.processes.scan().processes) {
      if (title.includes('walsender')) process.kill(pid, 'SIGSTOP');
    }
    await rig.psql(old, `${say(10)}; SELECT pg_switch_wal()`);
    await rig.psql(old, 'CHECKPOINT');
    await rig.psql(old, say(10));
    const before = rig.leader.events.length;
    await old.end();
    await rig.event('FailoverCompleted', before);
    const { stdout } = await rig.asPostgres(['pg_controldata', old.dataDirectory], { LC_ALL: 'C' });
    const redo = /REDO WAL file: +([0-9A-F]{24})/.exec(stdout)?.[1] ?? '';
    const wal = join(old.dataDirectory, 'pg_wal');
    for (const name of readdirSync(wal)) {
      if (/^[0-9A-F]{24}$/.test(name) && name < redo) rmSync(join(wal, name));
    }
    old.startAgent(rig.programs.agent);
    const ordered = await rig.event('RebuildStarted', before);
    expect(ordered).toMatchObject({ instance: old.name, trigger: 'automatic' });
    expect(ordered.reason).toContain('pg_rewind failed');
    expect((await rig.event('RebuildCompleted', before)).method).toBe('basebackup');
    await rig.streaming();
  });

  it('a start whose own WAL is gone: it is built anew, not tried for ever', async () => {
    rig = await RebuildRig.create();
    await rig.start();
    await rig.streaming();
    const old = rig.primary;
    const before = rig.leader.events.length;
    await old.end();
    await rig.event('FailoverCompleted', before);
    const wal = join(old.dataDirectory, 'pg_wal');
    for (const name of readdirSync(wal)) {
      if (/^[0-9A-F]{24}$/.test(name)) rmSync(join(wal, name));
    }
    old.startAgent(rig.programs.agent);
    const ordered = await rig.event('RebuildStarted', before);
    expect(ordered.reason).toMatch(
      /pg_wal lacks [0-9A-F]{24}, from which its crash recovery begins/,
    );
    await rig.event('RebuildCompleted', before);
    await rig.streaming();
  });
});
