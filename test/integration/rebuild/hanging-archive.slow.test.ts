/** The archive's host is lost in the zone of the primary: whoever asks it waits for an answer. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import type { AgentHost } from '../agent/agent-host.ts';
import { until } from '../until.ts';
import { RebuildRig } from './rebuild-rig.ts';

const LIMIT_MS = 30_000;

let rig: RebuildRig;

beforeAll(async () => {
  rig = await RebuildRig.create({
    config: (directory) => ({
      backup: {
        custom: {
          restore: ['false'],
          fetchWal: ['sh', join(directory, 'archive', 'fetch'), '%f'],
          archiveWal: ['true'],
        },
      },
    }),
    definition: { archive: { tool: 'custom' } },
  });
  rig.owned('archive');
  rig.write(
    'archive/fetch',
    'if [ -e "$0.hangs" ]; then : >"$0.asked"; fi\nwhile [ -e "$0.hangs" ]; do sleep 0.1; done\nexit 1\n',
  );
  await rig.start();
  await rig.streaming();
});

afterAll(async () => {
  for (const host of rig?.hosts ?? []) await host.end();
  await rig?.remove();
});

const inArchive = (name: string): string => join(rig.directory, 'archive', name);

function hangs(): void {
  rmSync(inArchive('fetch.asked'), { force: true });
  rig.write('archive/fetch.hangs', '');
}

/** Writable, by the promotion that was asked for first: none was withdrawn by a stop and begun again. */
async function promotedAtOnce(host: AgentHost, postmaster: number | null): Promise<void> {
  expect(rig.primary.name).toBe(host.name);
  await rig.psql(host, 'CREATE TABLE IF NOT EXISTS written (a int)');
  const withdrawn = host.log().match(/^.*"promotion withdrawn".*$/gm);
  expect(withdrawn).toBeNull();
  expect(host.postmasterPid()).toBe(postmaster);
}

it('a standby that waits for the archive is promoted all the same (safety 8)', async () => {
  const { primary: lost, standby: next } = rig;
  const before = rig.leader.events.length;
  const postmaster = next.postmasterPid();
  hangs();
  await lost.end();
  // In place of the primary it asks the archive, and its startup process sees nothing else meanwhile.
  await until(() => existsSync(inArchive('fetch.asked')), LIMIT_MS);
  await rig.event('FailoverCompleted', before, LIMIT_MS);
  await promotedAtOnce(next, postmaster);
  rmSync(inArchive('fetch.hangs'));
  lost.startAgent(rig.programs.agent);
  await rig.streaming();
}, 120_000);

it('a standby that streams asks the archive for nothing while it is promoted (safety 8)', async () => {
  const { standby: next } = rig;
  const before = rig.leader.events.length;
  const postmaster = next.postmasterPid();
  hangs();
  const command = { type: 'switchover', to: instanceName(next.name) } as const;
  // Refused until the leader has heard that the candidate streams, some 0.4 s after it does.
  await until(() => rig.leader.command(command).kind === 'decided', LIMIT_MS);
  await rig.event('SwitchoverCompleted', before, LIMIT_MS);
  await promotedAtOnce(next, postmaster);
  rmSync(inArchive('fetch.hangs'));
  await rig.streaming();
  expect(rig.leader.problems).toEqual([]);
}, 120_000);
