/**
 * Two clusters under one controller whose instances have the same names: the second follows the first, and
 * the writing is turned from one to the other and back, whole and without loss. `npm run test:all`.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstancePlan } from '../../../apps/cli/src/demo/plan.ts';
import { freePort } from '../../hosts/free-port.ts';
import { ClusterPair, type PairName } from '../cluster-pair.ts';

const SLOTS = 'SELECT slot_name FROM pg_replication_slots ORDER BY 1';
const STREAMS = "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'";

/** Two copies after another, each asked for once it is known to be needed. */
const REBUILD_LIMIT_MS = 100_000;

let pair: ClusterPair;

beforeAll(async () => {
  pair = await ClusterPair.create();
  await pair.start();
});

afterAll(async () => {
  await pair?.remove();
});

const streaming = (instances: readonly { readonly state: string }[]) =>
  instances.filter(({ state }) => state === 'streaming').length;

async function primaryOf(name: PairName): Promise<InstancePlan> {
  const { lease } = await pair.untilSeen(`${name} is whole`, name, ({ phase, instances }) => {
    return phase === 'serving' && streaming(instances) === 1;
  });
  return pair.instance(name, lease.holder ?? '');
}

async function standbyLeaderOf(name: PairName): Promise<InstancePlan> {
  const { following } = await pair.untilSeen(`${name} follows`, name, ({ phase, instances }) => {
    return phase === 'standby' && streaming(instances) === 2;
  });
  return pair.instance(name, following?.leader ?? '');
}

const rows = (name: PairName, instance: InstancePlan) =>
  pair.sql<{ id: number }>(instance, `SELECT id FROM ${name}_rows ORDER BY id`);

describe('two clusters with the same instance names', () => {
  it('one is initialised, the other begins as its copy and follows it', async () => {
    await pair.createCluster('main', null);
    pair.startAgents('main');
    const primary = await primaryOf('main');
    await pair.sql(primary, 'CREATE TABLE main_rows (id int PRIMARY KEY)');
    const hosts = pair.plans.main.instances.map(({ postgresPort }) => `127.0.0.1:${postgresPort}`);
    await pair.createCluster('dr', { host: hosts.join(','), port: 5432 });
    pair.startAgents('dr');
    const leader = await standbyLeaderOf('dr');
    await pair.sql(primary, 'INSERT INTO main_rows VALUES (1)');
    for (const instance of pair.plans.dr.instances) {
      await pair.untilHolds(instance, 'SELECT count(*) = 1 AS holds FROM main_rows');
    }
    expect(await pair.health(leader, '/standby-leader')).toBe(200);
    expect(await pair.health(leader, '/primary')).toBe(503);
    expect(await pair.health(leader, '/replica')).toBe(503);
    await expect(pair.sql(leader, 'INSERT INTO main_rows VALUES (99)')).rejects.toThrow(
      'read-only transaction',
    );
  });

  it('no name of one is taken for that of the other', async () => {
    const primary = await primaryOf('main');
    const other = pair.plans.main.instances.find(({ name }) => name !== primary.name);
    expect(await pair.sql(primary, SLOTS)).toEqual([{ slot_name: other?.name }]);
    const names = (await pair.sql<{ application_name: string }>(primary, STREAMS)).map(
      ({ application_name }) => application_name,
    );
    expect(names).toHaveLength(2);
    expect(new Set(names).size).toBe(2);
    expect(names.filter((name) => name.startsWith('main')).length).toBe(1);
    expect(names.filter((name) => name.startsWith('dr')).length).toBe(1);
    const { clusters } = await pair.status();
    for (const { name, instances } of clusters) {
      const ports = pair.plans[name as PairName].instances.map(({ postgresPort }) => postgresPort);
      expect(instances.map(({ postgres }) => Number(postgres.split(':')[1])).sort()).toEqual(ports);
    }
    const [controller] = pair.plans.main.controllers;
    const metrics = await pair.metrics(controller?.httpPort ?? 0);
    expect(metrics).toContain('matriarch_cluster_serving{cluster="main"} 1');
    expect(metrics).toContain('matriarch_cluster_serving{cluster="dr"} 0');
  });

  it('the other one cannot be promoted while the first serves, whatever the word', async () => {
    const { exitCode, said } = await pair.matriarch('promote-cluster', 'dr', '--yes');
    expect(exitCode).not.toBe(0);
    expect(said).toContain('demote-cluster main');
  });

  it('its leadership is moved by an order, and rows go on to come', async () => {
    const leader = await standbyLeaderOf('dr');
    const next = pair.plans.dr.instances.find(({ name }) => name !== leader.name);
    const order = await pair.matriarch('switchover', 'dr', '--to', next?.name ?? '');
    expect(order).toMatchObject({ exitCode: 0, result: { standbyLeader: next?.name } });
    await pair.untilSeen(`${next?.name} leads`, 'dr', ({ phase, instances }) => {
      return phase === 'standby' && streaming(instances) === 2;
    });
    const primary = await primaryOf('main');
    await pair.sql(primary, 'CREATE TABLE moved ()');
    for (const instance of pair.plans.dr.instances) {
      await pair.untilHolds(instance, "SELECT to_regclass('moved') IS NOT NULL AS holds");
    }
    expect(await pair.health(next ?? leader, '/standby-leader')).toBe(200);
  });

  it('the standby leader is lost: another one streams', async () => {
    const leader = await standbyLeaderOf('dr');
    await pair.kill(leader);
    const { following } = await pair.untilSeen('another leader', 'dr', (cluster) => {
      return cluster.following?.leader !== leader.name && cluster.phase === 'standby';
    });
    expect(following?.leader).not.toBe(leader.name);
    const primary = await primaryOf('main');
    await pair.sql(primary, 'INSERT INTO main_rows VALUES (2)');
    const next = pair.instance('dr', following?.leader ?? '');
    await pair.untilHolds(next, 'SELECT count(*) = 2 AS holds FROM main_rows');
    pair.restart(leader);
    await standbyLeaderOf('dr');
  });

  it('serves on when it is told to follow a host where nobody listens', async () => {
    const serving = () => pair.untilSeen('main serves', 'main', ({ phase }) => phase === 'serving');
    const { lease } = await serving();
    const port = String(await freePort());
    const order = ['demote-cluster', 'main', '--host', '127.0.0.1', '--port', port];
    const { exitCode, said } = await pair.matriarch(...order);
    expect(said).toContain(`serves on: 127.0.0.1:${port} does not answer`);
    expect(exitCode).toBe(1);
    expect((await serving()).lease).toMatchObject({ epoch: lease.epoch, holder: lease.holder });
  });

  it('turns to the second cluster with all rows, and the first follows it', async () => {
    const before = await primaryOf('main');
    await pair.sql(before, 'INSERT INTO main_rows SELECT generate_series(3, 500)');
    expect(await pair.matriarch('demote-cluster', 'main', '--to', 'dr')).toMatchObject({
      exitCode: 0,
      result: { ok: true, lastWritten: expect.stringMatching(/^[0-9A-F]+\/[0-9A-F]+@1$/) },
    });
    expect(await pair.matriarch('promote-cluster', 'dr')).toMatchObject({
      exitCode: 0,
      result: { ok: true, timeline: 2 },
    });
    const primary = await primaryOf('dr');
    expect(await rows('main', primary)).toHaveLength(500);
    await pair.sql(primary, 'INSERT INTO main_rows SELECT generate_series(501, 600)');
    await standbyLeaderOf('main');
    for (const instance of pair.plans.main.instances) {
      await pair.untilHolds(instance, 'SELECT count(*) = 600 AS holds FROM main_rows');
    }
  });

  it('and back, on a timeline of its own', async () => {
    const primary = await primaryOf('dr');
    await pair.sql(primary, 'INSERT INTO main_rows SELECT generate_series(601, 700)');
    const turned = await pair.matriarch('demote-cluster', 'dr', '--to', 'main');
    expect(turned).toMatchObject({ exitCode: 0 });
    expect(await pair.matriarch('promote-cluster', 'main')).toMatchObject({
      exitCode: 0,
      result: { timeline: 3 },
    });
    expect(await rows('main', await primaryOf('main'))).toHaveLength(700);
    await standbyLeaderOf('dr');
  });

  it('the site of the primary is lost with rows that never left it: a word is asked for, then dr serves', async () => {
    const primary = await primaryOf('main');
    for (const instance of pair.plans.dr.instances) await pair.kill(instance);
    await pair.sql(primary, 'INSERT INTO main_rows SELECT generate_series(701, 710)');
    for (const instance of pair.plans.main.instances) await pair.kill(instance);
    for (const instance of pair.plans.dr.instances) pair.restart(instance);
    for (const instance of pair.plans.dr.instances) {
      await pair.untilHolds(instance, 'SELECT pg_is_in_recovery() AS holds');
    }
    await pair.untilSeen('dr runs', 'dr', ({ phase }) => phase === 'standby');
    expect((await pair.matriarch('promote-cluster', 'dr', '--yes')).said).toContain(
      'demote-cluster main',
    );
    await pair.untilSeen('the lease of main is over', 'main', ({ lease }) => lease.kind !== 'Held');
    expect((await pair.matriarch('demote-cluster', 'main', '--to', 'dr')).said).toContain('--yes');
    expect(await pair.matriarch('demote-cluster', 'main', '--to', 'dr', '--yes')).toMatchObject({
      exitCode: 0,
      result: { lastWritten: null },
    });
    expect((await pair.matriarch('promote-cluster', 'dr')).said).toContain('cannot be known');
    expect(await pair.matriarch('promote-cluster', 'dr', '--yes')).toMatchObject({ exitCode: 0 });
    expect(await rows('main', await primaryOf('dr'))).toHaveLength(700);
  });

  it('once it is back it follows, without what it had written alone', {
    timeout: 240_000,
  }, async () => {
    await pair.sql(await primaryOf('dr'), 'INSERT INTO main_rows VALUES (1001)');
    for (const instance of pair.plans.main.instances) pair.restart(instance);
    for (const instance of pair.plans.main.instances) {
      await pair.untilHolds(
        instance,
        'SELECT count(*) = 701 AND max(id) = 1001 AS holds FROM main_rows',
        REBUILD_LIMIT_MS,
      );
    }
    await standbyLeaderOf('main');
  });
});
