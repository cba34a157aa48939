import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordedEvent } from '#libs/cluster';
import { epoch, guardIncarnation } from '#libs/kernel';
import { decode } from '#libs/protocol';
import { TlsCredentials } from '#libs/transport';
import { AgentClient, GuardClient, initialisedReport, reportOf } from './clients.ts';
import { createCluster } from './cluster-definition.ts';
import { ThreeControllers, until } from './controllers.ts';
import { ask } from './http.ts';

type Leading = Awaited<ReturnType<ThreeControllers['leader']>>['controller'];

const PG1 = 'guard-of-pg1';

describe('a cluster whose first epoch was granted to pg1', () => {
  let group: ThreeControllers;
  const open: { close(): void }[] = [];
  beforeEach(async () => {
    group = await ThreeControllers.make();
    await group.startAll();
    await createCluster(group, 'main', { leaseTtlMs: 1_000, renewIntervalMs: 150 });
  });
  afterEach(async () => {
    for (const client of open.splice(0)) client.close();
    await group.close();
  });

  async function guard(instance: string, to: string): Promise<GuardClient> {
    const client = await GuardClient.connect(group, `main/${instance}`, to);
    open.push(client);
    return client;
  }

  async function agent(instance: string, to: string): Promise<AgentClient> {
    const client = await AgentClient.connect(group, `main/${instance}`, to);
    open.push(client);
    return client;
  }

  async function brakesUsed(controller: Leading): Promise<number> {
    const events = await controller.core.reader.page('history/main/', 'history/main/', 100);
    const types = events.map(({ value }) => (decode(value) as RecordedEvent).event.type);
    return types.filter((type) => type === 'BrakeUsed').length;
  }

  async function granted(): Promise<AgentClient> {
    const { name, controller } = await group.leader();
    const pg1 = await agent('pg1', name);
    await until('pg1 initialises', async () => {
      await pg1.ask('report', reportOf('pg1'));
      return stateOf(controller)?.operation.kind === 'bootstrap';
    });
    await pg1.ask('report', initialisedReport('pg1'));
    await until('the first grant', () => stateOf(controller)?.lease.kind === 'Held');
    return pg1;
  }

  it('tells the new holder on every controller that it is connected to', async () => {
    const guards = await Promise.all(['c1', 'c2', 'c3'].map((name) => guard('pg1', name)));
    await granted();
    for (const client of guards) {
      const answer = await client.answered(({ type }) => type === 'granted');
      expect(answer).toMatchObject({ epoch: 1, incarnation: PG1, leaseTtlMs: 1_000 });
    }
  });

  it('renews for the holder at the leader and through a follower, and for nobody else', async () => {
    await granted();
    const { name: leader } = await group.leader();
    const atLeader = await guard('pg1', leader);
    expect(await atLeader.renew(1, PG1, 1)).toMatchObject({ type: 'renewed', epoch: 1 });
    const atFollower = await guard('pg1', await group.follower());
    expect(await atFollower.renew(1, PG1, 2)).toMatchObject({ type: 'renewed', epoch: 1 });
    expect(await atLeader.renew(1, 'an-older-start', 3)).toMatchObject({ type: 'renewalRefused' });
    expect(await atLeader.renew(2, PG1, 4)).toMatchObject({ type: 'renewalRefused' });
    const other = await guard('pg2', leader);
    expect(await other.renew(1, PG1, 5)).toMatchObject({ type: 'renewalRefused' });
    // What was refused is no renewal: it says nothing of how old leases become.
    const { body } = await ask(group, leader, { method: 'GET', path: '/metrics' });
    expect(body).toContain('matriarch_lease_age_seconds_count 2\n');
  });

  it('keeps renewals out of the log (PySyncObj wrote each refresh of a lock into it)', async () => {
    await granted();
    const { name, controller } = await group.leader();
    const client = await guard('pg1', name);
    await client.renew(1, PG1, 1);
    const before = controller.replica.host.status().lastIndex;
    for (let nonce = 2; nonce <= 40; nonce += 1) await client.renew(1, PG1, nonce);
    // Whatever else is recorded meanwhile is not one entry a renewal.
    expect(controller.replica.host.status().lastIndex - before).toBeLessThan(20);
  });

  it('refuses requests of one agent beyond those that may wait, by name', async () => {
    const pg1 = await granted();
    const asked = Array.from({ length: 400 }, () => pg1.ask('confirm', {}));
    const results = await Promise.allSettled(asked);
    const refusals = results.flatMap((result) =>
      result.status === 'rejected' ? [String(result.reason)] : [],
    );
    expect(refusals.length).toBeGreaterThan(0);
    expect(new Set(refusals)).toEqual(new Set(['Error: QUEUE_FULL']));
    expect(results.length - refusals.length).toBeGreaterThanOrEqual(64);
  });

  it('goes on renewing under the next leader', async () => {
    await granted();
    const first = await group.leader();
    await group.stop(first.name);
    const next = await group.leader();
    const client = await guard('pg1', next.name);
    expect(await client.renew(1, PG1, 1)).toMatchObject({ type: 'renewed' });
  });

  it('takes a release from the holder only, and renews no more after it', async () => {
    await granted();
    const { name: leader, controller } = await group.leader();
    const release = {
      type: 'release',
      epoch: epoch(1),
      reason: 'shutdown',
      position: null,
    } as const;
    const stranger = await guard('pg2', leader);
    stranger.send({ ...release, incarnation: guardIncarnation(PG1) });
    await stranger.answered(({ type }) => type === 'releaseRefused');
    const client = await guard('pg1', leader);
    client.send({ ...release, incarnation: guardIncarnation('another-start') });
    await client.answered(({ type }) => type === 'releaseRefused');
    expect(stateOf(controller)?.lease.kind).toBe('Held');
    client.send({ ...release, incarnation: guardIncarnation(PG1) });
    await client.answered(({ type }) => type === 'released');
    expect(stateOf(controller)?.lease).toMatchObject({ kind: 'Released', epoch: 1 });
    expect(await client.renew(1, PG1, 9)).toMatchObject({ type: 'renewalRefused' });
  });

  it('expires the lease of a guard that is not heard, not before its time', async () => {
    await granted();
    const { name: leader, controller } = await group.leader();
    const client = await guard('pg1', leader);
    await client.renew(1, PG1, 1);
    const renewedMs = performance.now();
    await until('the lease expires', () => stateOf(controller)?.lease.kind === 'Expired');
    // W = 1,000 x 1.01 / 0.99 + 100
    expect(performance.now() - renewedMs).toBeGreaterThan(1_100);
    expect(await client.renew(1, PG1, 2)).toMatchObject({ type: 'renewalRefused' });
  });

  it('hands leadership to a follower that hears a guard the leader does not, once', async () => {
    await granted();
    let heardBy = await group.follower();
    let client = await guard('pg1', heardBy);
    // A sign of life that renews nothing: the leader alone would take it for dead.
    const timer = setInterval(() => {
      const incarnation = guardIncarnation(PG1);
      client.send({ type: 'guardState', incarnation, epoch: epoch(1), postmaster: 'running' });
    }, 100);
    try {
      await until('leadership moves for the guard', async () => {
        const { name, controller } = await group.leader();
        if (name !== heardBy) return false;
        if ((await brakesUsed(controller)) > 0) return true;
        // Leadership moved by itself, as it may on a busy machine: the guard is heard elsewhere then.
        client.close();
        heardBy = await group.follower();
        client = await guard('pg1', heardBy);
        return false;
      });
      const { controller } = await group.leader();
      expect(stateOf(controller)?.lease.kind).toBe('Held');
      await until('it expires under the next leader', () => {
        return stateOf(controller)?.lease.kind === 'Expired';
      });
      expect(await brakesUsed(controller)).toBe(1);
    } finally {
      clearInterval(timer);
    }
  });

  it('speaks with an agent: confirmations, state, events, credentials, refusals', async () => {
    const pg1 = await granted();
    const { name: leader, controller } = await group.leader();
    const sequence = stateOf(controller)?.sequence ?? 0;
    expect(await pg1.ask('confirm', {})).toMatchObject({ sequence });
    expect(await pg1.ask('credentials', {})).toMatchObject({ superuser: { username: 'postgres' } });
    expect(await pg1.ask('subscribe', { sequence: 0 })).toMatchObject({
      kind: 'state',
      state: { name: 'main', sequence },
    });
    const version = stateOf(controller)?.version ?? 0;
    expect(await pg1.ask('permitDestruction', { step: 'rebuild', version })).toMatchObject({
      permitted: false,
    });
    await expect(pg1.ask('report', { instance: 'pg1' })).rejects.toThrow('MALFORMED_MESSAGE');

    const follower = await agent('pg2', await group.follower());
    await expect(follower.ask('confirm', {})).rejects.toThrow('NOT_LEADER');
    await follower.ask('subscribe', { sequence: 0 });
    const pg2 = await agent('pg2', leader);
    // Whose report it is comes from the certificate, whatever the report says.
    await pg2.ask(
      'report',
      reportOf('pg1', { postgresEndpoint: { host: '127.0.0.1', port: 5433 } }),
    );
    const pushed = await until('pg2 joins, pushed by the follower', () =>
      follower.pushes.find(
        (push) =>
          push.type === 'events' &&
          push.events.some(({ event }) => event.type === 'InstanceJoined'),
      ),
    );
    expect(pushed).toMatchObject({ events: [{ event: { instance: 'pg2' } }] });
  });

  it('takes an agent for whom its certificate names, whatever it says: another cluster is closed to it', async () => {
    await granted();
    const { name: leader } = await group.leader();
    await createCluster(group, 'billing');
    // What the certificate of main/pg2 gives on each channel, with the word of being billing's.
    for (const role of ['agent', 'guard'] as const) {
      const { certPath, keyPath } = await group.certificate(role, 'main/pg2');
      const files = { caPath: group.caPath, certPath, keyPath };
      const credentials = await TlsCredentials.load(files);
      const refused = group.linkAs(role, { role, name: 'billing/pg2' }, credentials, leader);
      await expect(refused).rejects.toThrow(/certificate.*main\/pg2|main\/pg2.*billing\/pg2/);
    }
    const pg2 = await agent('pg2', leader);
    const told = JSON.stringify(await pg2.ask('subscribe', { sequence: 0 }), (_key, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    expect(told).toContain('main');
    expect(told).not.toContain('billing');
  });

  function stateOf(controller: Leading) {
    return controller.replica.host.store.clusters().find(({ name }) => name === 'main');
  }
});
