/** Two clusters that know nothing of each other but one archive: the writing goes from one to the other and nothing is lost. */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { until } from '../until.ts';
import { RebuildRig } from './rebuild-rig.ts';
import { localTools, makeBackups } from './rig-backups.ts';
import { holdRows } from './rows.ts';
import { repositoryConfig, shareRepository } from './shared-repository.ts';

const LIMIT_MS = 120_000;
const LONG = { timeout: 300_000 };
const ARCHIVE = { archive: 'pgbackrest' } as const;
const definition = {
  archive: { tool: 'pgbackrest' },
  rebuild: {
    methods: ['pg_rewind', 'basebackup'],
    automaticRebuild: 'whenSafe',
    inPlaceAlone: true,
    bandwidthBytesPerSecond: null,
  },
} as const;

let main: RebuildRig;
let dr: RebuildRig;

afterEach(async () => {
  await dr?.remove();
  await main?.remove();
});

const repository = (...names: string[]) => join(main.directory, 'repository', ...names);
const insert = (rig: RebuildRig, what: string) =>
  rig.psql(rig.primary, `INSERT INTO t VALUES ('${what}')`);
const endSegment = (rig: RebuildRig) => rig.psql(rig.primary, 'SELECT pg_switch_wal()');

async function bothBegin(): Promise<void> {
  main = await RebuildRig.create({ config: localTools.config, definition });
  localTools.prepare(main);
  await main.start();
  await main.streaming();
  await makeBackups(main);
  await main.psql(main.primary, 'CREATE TABLE t (what text)');
  await insert(main, 'archived');
  await endSegment(main);
  const agentScript = main.programs.agent;
  dr = await RebuildRig.create({ config: repositoryConfig, definition, agentScript });
  shareRepository(dr, repository());
  await dr.start({}, ARCHIVE);
  await holdRows(dr, 1);
}

it('waits for the last segment of the demoted one, and then has all of it', LONG, async () => {
  await bothBegin();
  // What the primary writes last finds no archive that takes it.
  const closed = repository('archive', 'main', '15-1', '0000000100000000');
  chmodSync(closed, 0o500);
  await insert(main, 'written last');
  const before = main.primary.name;
  const demote = { type: 'demoteCluster', remote: ARCHIVE, acceptUnknown: false } as const;
  expect(main.leader.command(demote).kind).toBe('decided');
  const { stoppedAt } = await main.event('ClusterDemoted', 0);
  await until(() => main.leader.report(before)?.problem?.includes('last WAL'), LIMIT_MS);
  const promote = { type: 'promoteCluster', lastWritten: stoppedAt, acceptUnknown: false } as const;
  expect(dr.leader.command(promote)).toMatchObject({
    kind: 'refused',
    refusals: [{ rule: 'wal-missing', limit: expect.stringContaining('last segment') }],
  });

  chmodSync(closed, 0o750);
  await until(() => dr.leader.command(promote).kind === 'decided', LIMIT_MS).catch((cause) => {
    throw new Error(`${main.said()}\n${dr.said()}`, { cause });
  });
  await dr.streaming();
  expect(main.leader.report(before)?.problem).toBe(null);
  const fork = dr.leader.state?.history.at(-1)?.fork;
  expect(fork).toEqual({ from: stoppedAt?.timeline, lsn: stoppedAt?.lsn });
  await insert(dr, 'written there');
  await endSegment(dr);
  await holdRows(dr, 3);
  await holdRows(main, 3);
  // Nobody of it had to be built anew.
  const types = main.leader.events.map(({ event }) => event.type);
  expect(types.slice(types.indexOf('ClusterDemoted'))).not.toContain('RebuildStarted');
  for (const rig of [main, dr]) expect(rig.leader.problems).toEqual([]);
});
