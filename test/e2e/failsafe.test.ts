/**
 * All controllers stopped at once, with failsafe: one cluster on loopback.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../apps/cli/src/demo/until.ts';
import { TestCluster } from './cluster.ts';

const LIMIT_MS = 30_000;
/** Far beyond the lease of 3 s. */
const OUTAGE_MS = 8_000;

const cluster = TestCluster.onLoopback({ failsafe: true });
let primary: string;

beforeAll(async () => {
  await cluster.bootstrap();
});

afterAll(async () => {
  await cluster.remove();
});

async function epoch(): Promise<number | null> {
  return (await cluster.api.status()).clusters[0]?.lease.epoch ?? null;
}

async function stopControllers(): Promise<number> {
  await Promise.all([...cluster.running.controllers.values()].map((one) => one.killForGood()));
  return performance.now();
}

function startControllers(): void {
  for (const controller of cluster.running.controllers.values()) controller.start();
}

async function untilOutageIs(ms: number, sinceMs: number): Promise<void> {
  await until(`an outage of ${ms} ms`, { limitMs: LIMIT_MS }, async () => {
    const passedMs = performance.now() - sinceMs;
    return passedMs >= ms ? { value: true } : { instead: `${passedMs} ms` };
  });
}

async function roles(): Promise<string[]> {
  return (await cluster.running.observe()).hosts.map(({ kind }) => kind).toSorted();
}

describe('all controllers are gone', () => {
  it('with failsafe the primary goes on, nobody takes over, and nothing changes when they are back', async () => {
    primary = await cluster.healthy();
    const [epochBefore, postmaster] = [await epoch(), cluster.postmasterPid(primary)];
    const stoppedMs = await stopControllers();
    await untilOutageIs(OUTAGE_MS, stoppedMs);
    await cluster.untilWritten();
    expect(cluster.postmasterPid(primary)).toBe(postmaster);
    expect(await roles()).toEqual(['primary', 'standby', 'standby']);
    startControllers();
    await cluster.leader();
    const outage = await cluster.recovered('all controllers stopped, failsafe on');
    expect(outage).toMatchObject({ primary, dual: 0, lost: 0 });
    expect(outage.gapMs).toBeLessThan(LIMIT_MS / 10);
    expect(cluster.postmasterPid(primary)).toBe(postmaster);
    expect(await epoch()).toBe(epochBefore);
  });
});
