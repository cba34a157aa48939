/**
 * The worst days of the controllers with real agents, guards and PostgreSQL below: what is left of them
 * is older than the data, and nothing may be done to the data because of it.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../apps/cli/src/demo/until.ts';
import { runCli } from '../../apps/cli/src/run-cli.ts';
import { TestCluster } from '../e2e/cluster.ts';

const LIMIT_MS = 60_000;
const cluster = TestCluster.onLoopback();
const { plan } = cluster.running;

beforeAll(async () => {
  await cluster.bootstrap();
});

afterAll(async () => {
  await cluster.remove();
});

async function cli(...argv: string[]) {
  const api = plan.controllers.map(({ host, httpPort }) => `${host.address}:${httpPort}`).join(',');
  const operator = ['--api', api, '--certs', plan.certificatesDirectory];
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await runCli([...operator, '--json', ...argv], {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
  });
  return { exitCode, result: JSON.parse(out.join('')) as Record<string, unknown>, err };
}

const backupFile = join(plan.directory, 'controllers.backup');

function controller(name: string) {
  const found = plan.controllers.find((each) => each.name === name);
  const process = cluster.running.controllers.get(name);
  if (found === undefined || process === undefined) throw new Error(`no controller ${name}`);
  return { plan: found, process };
}

/** Their machines are gone, with what was on them. */
async function loseForGood(...names: string[]): Promise<void> {
  for (const name of names) {
    const { plan: lost, process } = controller(name);
    await process.killForGood();
    rmSync(lost.directory, { recursive: true });
  }
}

/** Nobody can be primary any more: leases end, and guards stop what cannot be renewed. */
async function untilNobodyWrites(): Promise<void> {
  await until('no primary', { limitMs: LIMIT_MS }, async () => {
    const { primary } = await cluster.running.observe();
    return primary === null ? { value: true } : { instead: `${primary} is primary` };
  });
}

/** With its agent: nobody starts it again. */
async function stopInstance(name: string): Promise<void> {
  await cluster.agent(name).killForGood();
  const guard = cluster.guardPid(name);
  if (guard !== null) process.kill(guard, 'SIGTERM');
  await until(`${name} is down`, { limitMs: LIMIT_MS }, async () => {
    const postmaster = cluster.postmasterPid(name);
    return postmaster === null ? { value: true } : { instead: `postmaster ${postmaster}` };
  });
}

type Instance = { readonly name: string; readonly heardAgeMs: number | null };

async function heardInstances(): Promise<readonly Instance[]> {
  const { clusters } = await cluster.api.status();
  const instances = clusters[0]?.instances ?? [];
  return instances.map(({ name, agent }) => ({ name, heardAgeMs: agent.heardAgeMs }));
}

/** As the runbook says: all agents are heard before an operator confirms. */
async function resumeOnceHeard(): Promise<void> {
  await until('all agents heard', { limitMs: LIMIT_MS }, async () => {
    const heard = await heardInstances().catch(() => []);
    const all = heard.length === 3 && heard.every(({ heardAgeMs }) => heardAgeMs !== null);
    return all ? { value: true } : { instead: JSON.stringify(heard) };
  });
  const paused = (await cluster.api.status()).clusters[0];
  expect(paused).toMatchObject({ paused: true });
  // An operator has not confirmed it yet: whatever this state says, nobody acts on it.
  expect((await cluster.running.observe()).primary).toBeNull();
  await until('the cluster is resumed', { limitMs: LIMIT_MS }, async () => {
    const { exitCode, result } = await cli('resume', plan.cluster);
    return exitCode === 0 ? { value: true } : { instead: JSON.stringify(result) };
  });
}

async function epoch(): Promise<number> {
  return (await cluster.api.status()).clusters[0]?.lease.epoch ?? 0;
}

describe('when a majority of the controllers is lost for good', () => {
  it('the survivor is forced, an operator confirms, and the cluster goes on with all its rows', async () => {
    await cluster.healthy();
    const epochBefore = await epoch();
    await loseForGood('c2', 'c3');
    await untilNobodyWrites();
    const { plan: survivor, process } = controller('c1');
    await process.killForGood();
    const forced = await cli('controllers', 'force-new-cluster', '--directory', survivor.directory);
    expect(forced, forced.err.join('')).toMatchObject({ exitCode: 0 });
    process.start();
    await resumeOnceHeard();
    // Whoever is primary then: the standbys have all of it too.
    expect(await cluster.recovered('controllers forced')).toMatchObject({ dual: 0, lost: 0 });
    // A guard takes no epoch for a new one that may have been given out in the former life.
    expect(await epoch()).toBeGreaterThan(epochBefore);
  });
});

describe('when all directories are lost and an old backup is left', () => {
  it('the primary is one that has all rows, not who the backup names, and no row is lost', async () => {
    const atBackup = await cluster.healthy();
    const backup = await cli('controllers', 'backup', backupFile);
    expect(backup, backup.err.join('')).toMatchObject({ exitCode: 0 });
    // The backup knows nothing of this: another primary, another timeline, another epoch.
    await cluster.inflict('switchover');
    await cluster.untilPrimaryIsNot(atBackup);
    await cluster.healthy();
    const epochBefore = await epoch();
    // Nor of the rows that are written while the one that it names is down.
    await stopInstance(atBackup);
    await cluster.untilWritten();
    await loseForGood('c1');
    await untilNobodyWrites();
    cluster.agent(atBackup).start();
    const { plan: seat, process } = controller('c1');
    const address = `${seat.host.address}:${seat.tlsPort}`;
    const where = ['--directory', seat.directory, '--name', 'c1', '--address', address];
    const restored = await cli('controllers', 'restore', backupFile, ...where);
    expect(restored, restored.err.join('')).toMatchObject({ exitCode: 0 });
    process.start();
    await resumeOnceHeard();
    const outage = await cluster.recovered('controllers restored');
    expect(outage).toMatchObject({ dual: 0, lost: 0 });
    expect(outage.primary).not.toBe(atBackup);
    expect(await epoch()).toBeGreaterThan(epochBefore);
  });
});
