/**
 * `synchronousStrict`: commits wait while nobody is there to confirm them, whoever dies, and go on with the
 * first one that comes back. `npm run test:all`.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { present } from '#libs/kernel';
import { until } from '../../../apps/cli/src/demo/until.ts';
import type { HostNetwork } from '../../hosts/host-network.ts';
import { TestCluster } from '../cluster.ts';

const LIMIT_MS = 60_000;
/** What was under way when the last one died is acknowledged still. */
const UNDER_WAY_MS = 2_000;
const HELD_MS = 5_000;

let cluster: TestCluster;
let network: HostNetwork;
let primary: string;

beforeAll(async () => {
  const settings = { synchronousMode: 'quorum', synchronousStrict: true };
  cluster = await TestCluster.inNamespaces(settings);
  network = present(cluster.network, 'a cluster in namespaces has a network');
  await cluster.bootstrap();
});

beforeEach(async () => {
  primary = await cluster.healthy();
});

afterAll(async () => {
  await (cluster as TestCluster | undefined)?.remove();
});

const standbys = () =>
  cluster.running.plan.instances.map(({ name }) => name).filter((name) => name !== primary);

async function nothingIsAcknowledged(): Promise<void> {
  await pause(UNDER_WAY_MS);
  const { totalAcknowledged: before } = cluster.client.view();
  await pause(HELD_MS);
  expect(cluster.client.view().totalAcknowledged).toBe(before);
}

async function untilSaid(instance: string, pattern: RegExp): Promise<void> {
  await until(`${instance} says ${pattern}`, { limitMs: LIMIT_MS }, async () => {
    const { clusters } = await cluster.api.status();
    const seen = clusters[0]?.instances.find(({ name }) => name === instance);
    const said = JSON.stringify(seen);
    return pattern.test(said) ? { value: true } : { instead: said };
  });
}

it('one standby is enough, none holds commits up, status says so, and the first that is back lets them go on', async () => {
  const [first = '', second = ''] = standbys();
  await network.powerOff(cluster.hostOf(first));
  await cluster.untilWritten();
  // Until the set is the other one alone.
  await pause(HELD_MS);
  await cluster.untilWritten();
  await network.powerOff(cluster.hostOf(second));
  await nothingIsAcknowledged();
  await untilSaid(primary, /commits wait for 1 of .*, and 0 of these stream/);
  await network.heal(cluster.hostOf(second));
  await cluster.untilWritten();
  await network.heal(cluster.hostOf(first));
  const outage = await cluster.recovered('strict: both standbys died');
  expect(outage).toMatchObject({ primary, dual: 0, lost: 0 });
});

it('a standby dies, then the primary: the last one is promoted, and acknowledges once somebody is back', async () => {
  const [first = '', second = ''] = standbys();
  await network.powerOff(cluster.hostOf(first));
  await pause(HELD_MS);
  await cluster.untilWritten();
  await network.powerOff(cluster.hostOf(primary));
  expect(await cluster.untilPrimaryIsNot(primary)).toBe(second);
  await nothingIsAcknowledged();
  await network.heal(cluster.hostOf(first));
  await cluster.untilWritten();
  await network.heal(cluster.hostOf(primary));
  const outage = await cluster.recovered('strict: a standby and the primary died');
  expect(outage).toMatchObject({ primary: second, dual: 0, lost: 0 });
});
