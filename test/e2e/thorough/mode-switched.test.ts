/**
 * `synchronousMode` of a running cluster, switched on and off, with a failover after each: whoever dies next, somebody
 * takes over, and waits for whom the mode says. `npm run test:all`.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { present } from '#libs/kernel';
import { until } from '../../../apps/cli/src/demo/until.ts';
import type { HostNetwork } from '../../hosts/host-network.ts';
import { TestCluster } from '../cluster.ts';

const LIMIT_MS = 30_000;

let cluster: TestCluster;
let network: HostNetwork;

beforeAll(async () => {
  cluster = await TestCluster.inNamespaces();
  network = present(cluster.network, 'a cluster in namespaces has a network');
  await cluster.bootstrap();
});

afterAll(async () => {
  await (cluster as TestCluster | undefined)?.remove();
});

async function switchTo(mode: 'off' | 'quorum'): Promise<void> {
  const turned = await cluster.matriarch('config', 'set', '--setting', `synchronousMode=${mode}`);
  expect(turned.exitCode).toBe(0);
}

/** Null: what is asked for is in force. */
async function notInForce(): Promise<string | null> {
  return (await cluster.api.status()).clusters[0]?.synchronous ?? null;
}

/** On all three, whether it is a primary or ready to become one. */
async function untilNamed(pattern: RegExp): Promise<void> {
  await until(`names like ${pattern} everywhere`, { limitMs: LIMIT_MS }, async () => {
    const names = await Promise.all(
      cluster.running.plan.instances.map(({ name }) =>
        cluster.sql(name, 'SHOW synchronous_standby_names'),
      ),
    );
    const value = names.every((each) => pattern.test(each));
    return value ? { value } : { instead: JSON.stringify(names) };
  });
}

/** `lost`: as the mode promises; an asynchronous failover may lose what was not sent yet. */
async function hostDies(what: string, promise: { readonly lost?: 0 } = {}): Promise<void> {
  const primary = await cluster.healthy();
  await network.powerOff(cluster.hostOf(primary));
  expect(await cluster.untilPrimaryIsNot(primary)).not.toBe(primary);
  await cluster.untilWritten();
  await network.heal(cluster.hostOf(primary));
  expect(await cluster.recovered(what)).toMatchObject({ dual: 0, ...promise });
}

it('on: the epoch goes on as it began, status says so, and its failover is one of asynchronous mode', async () => {
  await switchTo('quorum');
  expect(await notInForce()).toMatch(/quorum, but epoch 1 began without it/);
  await hostDies('switched on: the primary’s host died');
  expect(await notInForce()).toBeNull();
  await untilNamed(/^ANY 1 /);
  await hostDies('in force: the primary’s host died', { lost: 0 });
});

it('off: commits wait for nobody at once, nor do those of the next primary', async () => {
  await switchTo('off');
  await untilNamed(/^$/);
  await hostDies('switched off: the primary’s host died');
  await untilNamed(/^$/);
});
