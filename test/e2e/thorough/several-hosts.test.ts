/**
 * A cluster that follows another by the addresses of all its instances: a failover there is followed. And an
 * agent that was given the certificates of an instance of the other cluster. `npm run test:all`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { present } from '#libs/kernel';
import { run } from '#libs/process';
import { certificateFiles } from '../../../apps/cli/src/demo/config-files.ts';
import { agentArgv } from '../../../apps/cli/src/demo/launch.ts';
import type { InstancePlan } from '../../../apps/cli/src/demo/plan.ts';
import { ClusterPair, type PairName } from '../cluster-pair.ts';

const SITES = ['127.0.0.21', '127.0.0.22'];
/** Lease, promotion, and the other cluster's next look. */
const FOLLOW_LIMIT_MS = 100_000;

let pair: ClusterPair;

beforeAll(async () => {
  pair = await ClusterPair.create(SITES);
  await pair.start();
  await pair.createCluster('main', null);
  pair.startAgents('main');
});

afterAll(async () => {
  await pair?.remove();
});

async function whole(name: PairName, phase: 'serving' | 'standby'): Promise<InstancePlan> {
  const { lease, following } = await pair.untilSeen(`${name} is whole`, name, (cluster) => {
    const streaming = cluster.instances.filter(({ state }) => state === 'streaming').length;
    return cluster.phase === phase && streaming === (phase === 'serving' ? 1 : 2);
  });
  return pair.instance(name, (phase === 'serving' ? lease.holder : following?.leader) ?? '');
}

async function arrivesInDr(id: number): Promise<void> {
  const arrived = `SELECT count(*) = 1 AS holds FROM rows WHERE id = ${id}`;
  for (const one of pair.plans.dr.instances) await pair.untilHolds(one, arrived, FOLLOW_LIMIT_MS);
}

describe('a standby cluster that was given all hosts of the other', () => {
  it('begins from the one that accepts writes, whichever comes first in the list', async () => {
    const primary = await whole('main', 'serving');
    await pair.sql(primary, 'CREATE TABLE rows (id int PRIMARY KEY)');
    const standbyFirst = SITES.toSorted((a) => (a === primary.host.address ? 1 : -1));
    const { postgresPort: port } = primary;
    await pair.createCluster('dr', { host: standbyFirst.join(','), port });
    pair.startAgents('dr');
    const leader = await whole('dr', 'standby');
    await pair.sql(primary, 'INSERT INTO rows VALUES (1)');
    await arrivesInDr(1);
    const sender = `SELECT sender_host = '${primary.host.address}' AS holds FROM pg_stat_wal_receiver`;
    await pair.untilHolds(leader, sender);
  });

  it('a failover there: it streams from the new primary, and goes on when the old one is back', async () => {
    const lost = await whole('main', 'serving');
    await pair.kill(lost);
    await pair.untilSeen('another primary', 'main', ({ lease, phase }) => {
      return phase === 'serving' && lease.holder !== lost.name;
    });
    const next = present(
      pair.plans.main.instances.find(({ name }) => name !== lost.name),
      'the other instance',
    );
    await pair.untilHolds(next, 'SELECT NOT pg_is_in_recovery() AS holds');
    await pair.sql(next, 'INSERT INTO rows VALUES (2)');
    await arrivesInDr(2);
    pair.restart(lost);
    await whole('main', 'serving');
    await whole('dr', 'standby');
    await pair.sql(next, 'INSERT INTO rows VALUES (3)');
    await arrivesInDr(3);
  });

  it('an agent of it does not run with the certificates of the other cluster, and says whose they are', async () => {
    const [instance] = pair.plans.dr.instances;
    const { configFile } = present(instance, 'an instance');
    const file = `${configFile}.foreign`;
    const config = parse(readFileSync(configFile, 'utf8')) as { tls: object };
    const foreign = certificateFiles(pair.plans.main, 'agent', 'main/pg1');
    writeFileSync(file, stringify({ ...config, tls: { ...config.tls, ...foreign } }));
    const argv = agentArgv(
      { ...present(instance, 'an instance'), configFile: file },
      pair.directory,
    );
    const limits = { timeoutMs: 60_000, acceptExitCodes: [1, 2] };
    const { stderr } = await run(argv, limits);
    expect(stderr).toContain(`${foreign.certificate} is the certificate of agent 'main/pg1'`);
    expect(stderr).toContain("this is agent 'dr/pg1'");
    expect(stderr).toContain('matriarch certs issue --role agent --name dr/pg1');
  });
});
