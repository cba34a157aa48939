/**
 * Processes that die on one machine: one cluster for all tests of this file, healthy again between.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestCluster } from './cluster.ts';

/** On two cores that run everything at once; the goals themselves are the business of bench. */
const RESTART_GAP_MS = 3_000;
/** A failover takes three seconds and more. */
const SWITCHOVER_GAP_MS = 2_500;

const cluster = TestCluster.onLoopback();
let primary: string;
let epochBefore: number | null;

beforeAll(async () => {
  await cluster.bootstrap();
});

afterAll(async () => {
  await cluster.remove();
});

async function epoch(): Promise<number | null> {
  const { clusters } = await cluster.api.status();
  return clusters[0]?.lease.epoch ?? null;
}

describe('a healthy cluster', () => {
  it('has one primary, two streaming standbys, and a lease that the primary holds', async () => {
    primary = await cluster.healthy();
    const { clusters } = await cluster.api.status();
    expect(clusters).toHaveLength(1);
    expect(clusters[0]?.lease).toMatchObject({ kind: 'Held', holder: primary, serving: true });
    expect(clusters[0]?.instances.map(({ role }) => role).toSorted()).toEqual([
      'primary',
      'standby',
      'standby',
    ]);
  });
});

describe('when on the primary’s host', () => {
  beforeEach(async () => {
    primary = await cluster.healthy();
    epochBefore = await epoch();
  });

  it('the postmaster is killed, it is restarted in place and nothing is lost', async () => {
    await cluster.inflict('postmaster-kill');
    const outage = await cluster.recovered('postmaster killed');
    expect(outage).toMatchObject({ primary, dual: 0, lost: 0 });
    expect(outage.gapMs).toBeLessThan(RESTART_GAP_MS);
  });

  it('the guard is killed, PostgreSQL goes with it and comes back in place', async () => {
    const postmaster = cluster.postmasterPid(primary);
    await cluster.inflict('guard-kill');
    const outage = await cluster.recovered('guard killed');
    expect(outage).toMatchObject({ primary, dual: 0, lost: 0 });
    expect(outage.gapMs).toBeLessThan(RESTART_GAP_MS);
    expect(cluster.postmasterPid(primary)).not.toBe(postmaster);
  });

  it('the agent is killed, the client does not notice and nobody fails over', async () => {
    const postmaster = cluster.postmasterPid(primary);
    const agentBefore = cluster.agent(primary).starts;
    await cluster.inflict('manager-kill');
    await expect.poll(() => cluster.agent(primary).starts).toBe(agentBefore + 1);
    const outage = await cluster.recovered('agent killed');
    expect(outage).toMatchObject({ primary, dual: 0, lost: 0 });
    expect(outage.gapMs).toBeLessThanOrEqual(cluster.noGapMs);
    expect(cluster.postmasterPid(primary)).toBe(postmaster);
    expect(await epoch()).toBe(epochBefore);
  });
});

describe('when the leading controller is killed', () => {
  it('another one leads, and the primary goes on in the same epoch', async () => {
    primary = await cluster.healthy();
    epochBefore = await epoch();
    const before = await cluster.leader();
    const killed = cluster.running.controllers.get(before)?.starts ?? 0;
    await cluster.inflict('controller-kill');
    await expect.poll(() => cluster.running.controllers.get(before)?.starts).toBe(killed + 1);
    const outage = await cluster.recovered('leading controller killed');
    expect(outage).toMatchObject({ primary, dual: 0, lost: 0 });
    expect(outage.gapMs).toBeLessThanOrEqual(cluster.noGapMs);
    await cluster.leader();
    expect(await epoch()).toBe(epochBefore);
  });
});

describe('a switchover', () => {
  it('moves the primary with a short gap, and the old one streams from the new', async () => {
    primary = await cluster.healthy();
    await cluster.inflict('switchover');
    await cluster.untilPrimaryIsNot(primary);
    const outage = await cluster.recovered('switchover');
    expect(outage).toMatchObject({ dual: 0, lost: 0 });
    expect(outage.primary).not.toBe(primary);
    expect(outage.gapMs).toBeLessThan(SWITCHOVER_GAP_MS);
  });
});

describe('stopping everything', () => {
  it('leaves no process, and every instance shut down in order', async () => {
    await cluster.client.stop();
    expect(await cluster.running.stop()).toEqual([]);
    for (const { name } of cluster.running.plan.instances) {
      expect(cluster.postmasterPid(name)).toBeNull();
    }
  });
});
