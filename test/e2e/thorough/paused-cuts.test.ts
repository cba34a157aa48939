/** A paused cluster under cuts: what happens is seen and recorded, nobody acts on it before `resume`. `npm run test:all`. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { present } from '#libs/kernel';
import { until } from '../../../apps/cli/src/demo/until.ts';
import type { HostNetwork } from '../../hosts/host-network.ts';
import { TestCluster } from '../cluster.ts';

const LIMIT_MS = 60_000;
/** Far longer than a failover takes here when nobody holds it back. */
const NOTHING_HAPPENS_MS = 6_000;

let cluster: TestCluster;
let network: HostNetwork;
let primary: string;
let before: number;

beforeAll(async () => {
  cluster = await TestCluster.inNamespaces();
  network = present(cluster.network, 'a cluster in namespaces has a network');
  await cluster.bootstrap();
});

beforeEach(async () => {
  primary = await cluster.healthy();
  expect(await cluster.matriarch('pause', '--wait')).toMatchObject({ exitCode: 0 });
  before = (await cluster.api.events(0)).events.at(-1)?.sequence ?? 0;
});

afterAll(async () => {
  await (cluster as TestCluster | undefined)?.remove();
});

async function typesSince(): Promise<readonly string[]> {
  const { events } = await cluster.api.events(before);
  return events.map(({ event }) => (event as { readonly type: string }).type);
}

async function stateOf(instance: string): Promise<string> {
  const { clusters } = await cluster.api.status();
  return clusters[0]?.instances.find(({ name }) => name === instance)?.state ?? 'unknown';
}

async function untilState(instance: string, state: string): Promise<void> {
  await until(`${instance} ${state}`, { limitMs: LIMIT_MS }, async () => {
    const seen = await stateOf(instance);
    return seen === state ? { value: true } : { instead: seen };
  });
}

async function untilExpired(): Promise<void> {
  await until('the end of its lease', { limitMs: LIMIT_MS }, async () => {
    const types = await typesSince();
    return types.includes('LeaseExpired') ? { value: true } : { instead: types.join(' ') };
  });
}

it('a standby is cut off: status says so, and it streams again with its link', async () => {
  const standby = present(
    cluster.running.plan.instances.find(({ name }) => name !== primary),
    'a standby',
  ).name;
  await network.cut(cluster.hostOf(standby));
  await untilState(standby, 'silent');
  await cluster.untilWritten();
  await network.heal(cluster.hostOf(standby));
  await untilState(standby, 'streaming');
  expect(await typesSince()).toEqual([]);
  expect(await cluster.matriarch('resume')).toMatchObject({ exitCode: 0 });
});

it.each([
  { healed: 'before the resume: it goes on itself', healsFirst: true },
  { healed: 'after the resume: another takes over', healsFirst: false },
])(
  'the primary is cut off: its lease ends, no more; its link is back $healed',
  async ({ healsFirst }) => {
    const host = cluster.hostOf(primary);
    await network.cut(host);
    await untilExpired();
    await pause(NOTHING_HAPPENS_MS);
    if (healsFirst) {
      await network.heal(host);
      await untilState(primary, 'stopped');
      await pause(NOTHING_HAPPENS_MS);
    }
    expect(await typesSince()).toEqual(['LeaseExpired']);
    expect(await cluster.matriarch('resume')).toMatchObject({ exitCode: 0 });
    if (healsFirst) await cluster.untilWritten();
    else await cluster.untilPrimaryIsNot(primary);
    await network.heal(host);
    const outage = await cluster.recovered('paused, primary cut off, resumed');
    expect(outage.dual).toBe(0);
    expect(outage.primary === primary).toBe(healsFirst);
  },
);
