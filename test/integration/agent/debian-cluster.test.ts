/** A cluster of Debian's own programs that is taken over: from then on nothing but the guard starts it (safety 10). */
import { chownSync, existsSync, mkdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { instanceName, present } from '#libs/kernel';
import { restoreStart } from '#libs/postgres-run';
import { osUser, removeStandbySignal, run } from '#libs/process';
import { RebuildRig } from '../rebuild/rebuild-rig.ts';
import { until } from '../until.ts';
import type { AgentHost } from './agent-host.ts';

const LIMIT_MS = 60_000;
const VERSION = '15';
/** No other cluster of this host has it. */
const NAME = `taken${process.pid}`;
const MASK = `/etc/systemd/system/postgresql@${VERSION}-${NAME}.service`;
/** Debian's programs and the agent both go by it. */
const CONF_ROOT = 'PG_CLUSTER_CONF_ROOT';

let rig: RebuildRig;
let host: AgentHost;

beforeAll(async () => {
  const adopt = [instanceName('pg1')];
  const bootstrap = { source: null, adopt, initdbOptions: [], sql: [] };
  rig = await RebuildRig.create({ names: ['pg1'], definition: { bootstrap } });
  host = present(rig.hosts[0], 'a host');
  const root = join(rig.directory, 'etc');
  const { uid, gid } = osUser('postgres');
  mkdirSync(root);
  chownSync(root, uid, gid);
  process.env[CONF_ROOT] = root;
  const places = ['-d', host.dataDirectory, '-l', join(host.directory, 'earlier.log')];
  const reached = ['-s', host.directory, '-p', String(host.port), '--start-conf', 'auto'];
  await run(['pg_createcluster', ...places, ...reached, VERSION, NAME], { timeoutMs: LIMIT_MS });
});

afterAll(async () => {
  await rig?.remove();
  delete process.env[CONF_ROOT];
  rmSync(MASK, { force: true });
});

const startConf = (): string =>
  readFileSync(join(rig.directory, 'etc', VERSION, NAME, 'start.conf'), 'utf8');

async function serves(): Promise<boolean> {
  const { stdout } = await rig.psql(host, 'SELECT pg_is_in_recovery()');
  return stdout.trim() === 'f';
}

async function ctl(action: 'start' | 'stop'): Promise<{ exitCode: number; stderr: string }> {
  return await run(['pg_ctlcluster', VERSION, NAME, action], {
    ...{ timeoutMs: LIMIT_MS, acceptExitCodes: [0, 1, 2] },
  });
}

it('is left as it is while it is not, and is not started any more by what it came from', async () => {
  expect(await ctl('start')).toMatchObject({ exitCode: 0 });
  host.startAgent(rig.programs.agent);
  await until(() => host.log().includes('SERVER_OF_OTHERS') || rig.leader.report('pg1'), LIMIT_MS);
  expect(startConf()).toMatch(/^auto$/m);
  await host.stopAgent('SIGTERM');

  await rig.start();
  await until(() => /^disabled # Matriarch keeps .*: auto$/m.test(startConf()), LIMIT_MS);
  await until(() => host.log().includes('nothing but the guard starts it now'), LIMIT_MS);

  const isRecorded = (): boolean =>
    rig.leader.state?.lease.kind === 'Held' && rig.leader.state.lease.serving;
  await until(isRecorded, LIMIT_MS);

  // As at a boot, or by somebody who does not know: its guard is gone, and PostgreSQL with it.
  await host.end();
  expect(await ctl('start')).toMatchObject({
    ...{ exitCode: 1, stderr: expect.stringContaining('Cluster is disabled') },
  });
  expect(host.processes.scan().processes).toEqual([]);
});

it('has its unit masked by the next start of the agent as root', async () => {
  expect(existsSync(MASK)).toBe(false);
  host.startAgent(rig.programs.agent);
  await until(() => host.log().includes('units of the distribution masked'), LIMIT_MS);
  expect(readlinkSync(MASK)).toBe('/dev/null');
  await until(() => serves().catch(() => false), LIMIT_MS).catch((cause: unknown) => {
    throw new Error(rig.said(), { cause });
  });
});

it('is started by what it came from once that was given back', async () => {
  // In order, as an administrator would.
  await host.stopAgent('SIGTERM');
  process.kill(present(host.guardPid(), 'a guard'), 'SIGTERM');
  await until(() => host.processes.scan().processes.length === 0, LIMIT_MS);
  // Its last act is that what it leaves would start as a standby.
  await until(() => host.guardPid() === null, LIMIT_MS);
  expect(restoreStart(join(rig.directory, 'etc', VERSION, NAME))).toBe(true);
  // As the runbook says, for it would start as a standby.
  removeStandbySignal(host.dataDirectory);
  expect(await ctl('start')).toMatchObject({ exitCode: 0, stderr: '' });
  expect(host.processes.scan().processes.length).toBeGreaterThan(0);
  expect(await ctl('stop')).toMatchObject({ exitCode: 0 });
});
