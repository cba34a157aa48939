/**
 * A whole cluster of real processes is upgraded one process after another below a client that writes all the while:
 * the new level of the protocol begins when the last controller and the last agent speak it, and guards, which live as
 * long as PostgreSQL, go on in their old version. `npm run test:all`.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PROTOCOL_MAX } from '#libs/protocol';
import { until } from '../../../apps/cli/src/demo/until.ts';
import { TestCluster } from '../cluster.ts';
import { EarlierVersions } from './earlier-versions.ts';

const EARLIER = PROTOCOL_MAX - 1;
const LIMIT_MS = 60_000;
const SIX_RESTARTS_MS = 400_000;
const versions = new EarlierVersions(EARLIER);
const cluster = TestCluster.inEnvironments((process) => versions.environmentOf(process));
const { running } = cluster;
let primary: string;

beforeAll(async () => {
  primary = await cluster.bootstrap();
});

afterAll(async () => {
  await cluster.remove();
  versions.remove();
});

/** What the group has switched to, as each controller has applied it. */
async function levels(): Promise<readonly number[]> {
  return await Promise.all(
    running.plan.controllers.map(async ({ host, httpPort }) => {
      const answer = await fetch(`http://${host.address}:${httpPort}/metrics`);
      const found = /^matriarch_raft_protocol_level (\d+)$/m.exec(await answer.text());
      return Number(found?.[1]);
    }),
  );
}

async function untilLevels(level: number): Promise<void> {
  await until(`level ${level} everywhere`, { limitMs: LIMIT_MS }, async () => {
    const seen = await levels().catch((error: unknown) => [String(error)]);
    return seen.every((each) => each === level) ? { value: true } : { instead: seen.join(', ') };
  });
}

const logOf = (name: string): string =>
  [...running.plan.controllers, ...running.plan.instances]
    .filter((plan) => plan.name === name)
    .map(({ logFile }) => readFileSync(logFile, 'utf8'))
    .join('');

async function untilLogged(name: string, what: RegExp): Promise<void> {
  await until(`${what} in the log of ${name}`, { limitMs: LIMIT_MS }, async () => {
    const log = logOf(name);
    return what.test(log) ? { value: true } : { instead: log.slice(-2_000) };
  });
}

/** Stop, install, start, wait. */
async function restarted(name: string): Promise<void> {
  const process = running.controllers.get(name) ?? cluster.agent(name);
  await process.stop();
  process.start();
  await running.untilHealthy(cluster.api, LIMIT_MS);
}

const epoch = async () => (await cluster.api.status()).clusters[0]?.lease.epoch;
const guards = () => running.plan.instances.map(({ name }) => cluster.guardPid(name));

it('begins with what the earlier version speaks', async () => {
  await cluster.healthy();
  await untilLevels(EARLIER);
});

it('keeps to it until the last controller and the last agent are new, and nobody fails over', {
  timeout: SIX_RESTARTS_MS,
}, async () => {
  const [epochBefore, guardsBefore] = [await epoch(), guards()];
  const leader = await cluster.leader();
  const followers = [...running.controllers.keys()].filter((name) => name !== leader);
  const agents = running.plan.instances.map(({ name }) => name);
  for (const name of [...followers, leader, ...agents]) {
    // It is never taken back: a switch that came too early would stay.
    await untilLevels(EARLIER);
    versions.upgrade(name);
    await restarted(name);
    if (name !== leader) continue;
    // All controllers are new: whoever leads says for whom it waits.
    const waits = new RegExp(
      `pg3 \\(level ${EARLIER}\\).*not switched before every agent speaks it`,
    );
    await untilLogged(await cluster.leader(), waits);
  }
  await untilLevels(PROTOCOL_MAX);
  const outage = await cluster.recovered('upgraded one after another');
  expect(outage).toMatchObject({ primary, dual: 0, lost: 0 });
  expect(await epoch()).toBe(epochBefore);
  expect(guards()).toEqual(guardsBefore);
});

it('moves the primary with guards that are older than everybody else', async () => {
  await cluster.healthy();
  await cluster.inflict('switchover');
  primary = await cluster.untilPrimaryIsNot(primary);
  expect(await cluster.recovered('switchover below old guards')).toMatchObject({
    dual: 0,
    lost: 0,
  });
});

it('an agent that goes back acts on nothing, says so, and the cluster goes on without it', async () => {
  await cluster.healthy();
  const standby = running.plan.instances.map(({ name }) => name).find((name) => name !== primary);
  if (standby === undefined) throw new Error('there is no standby');
  versions.downgrade(standby);
  const agent = cluster.agent(standby);
  await agent.stop();
  agent.start();
  await untilLogged(standby, /agent older than its controllers/);
  await cluster.untilWritten();
  versions.upgrade(standby);
  await restarted(standby);
  expect(await cluster.recovered('one agent back and forth')).toMatchObject({
    ...{ primary, dual: 0, lost: 0 },
  });
});
