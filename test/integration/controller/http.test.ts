import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsAnswer, problemSchema, statusAnswer } from '#libs/api';
import { definition, OPERATOR, PASSWORD } from './cluster-definition.ts';
import { ThreeControllers, until } from './controllers.ts';
import { ask } from './http.ts';

describe('the HTTP API of three controllers', () => {
  let group: ThreeControllers;
  beforeAll(async () => {
    group = await ThreeControllers.make();
    await group.startAll();
    await group.leader();
  });
  afterAll(() => group.close());

  const create = (name: string) =>
    ({ method: 'POST', path: '/api/v1/clusters', body: definition(name) }) as const;

  it.each([
    { how: 'plain HTTP', as: undefined },
    { how: 'TLS without a certificate', as: 'nobody' },
    { how: 'the certificate of an agent', as: { role: 'agent', name: 'main/pg1' } },
  ] as const)('refuses an order over $how', async ({ as }) => {
    const answer = await ask(group, 'c1', {
      ...create('main'),
      ...(as === undefined ? {} : { as }),
    });
    expect(answer.status).toBe(403);
    expect(answer.type).toContain('application/problem+json');
    const problem = problemSchema.parse(JSON.parse(answer.body));
    expect(problem).toMatchObject({ code: 'FORBIDDEN' });
    expect(problem.detail).toContain('operator');
  });

  it('refuses access lines for which PostgreSQL would ignore a whole file, before any is recorded', async () => {
    const body = definition('main');
    const line = 'host all all 10.0.0.1 md5';
    const instances = { pg3: { pgHba: [line] } };
    const order = { method: 'POST', path: '/api/v1/clusters', as: OPERATOR } as const;
    const postgres = { ...body.postgres, accessOverrides: { instances } };
    const answer = await ask(group, 'c1', { ...order, body: { ...body, postgres } });
    expect(answer.status).toBe(409);
    const { code, refusals } = problemSchema.parse(JSON.parse(answer.body));
    expect({ code, refusals }).toMatchObject({
      code: 'OPERATION_REFUSED',
      refusals: [{ instance: 'pg3', rule: 'pg-hba', value: line }],
    });
    const strange = { ...postgres, accessOverrides: { instances: { PG3: {} } } };
    const named = await ask(group, 'c1', { ...order, body: { ...body, postgres: strange } });
    expect(named.status).toBe(400);
    expect(named.body).toContain('accessOverrides.instances.PG3');
  });

  it('takes an order at a follower, which passes it to the leader', async () => {
    const follower = await group.follower();
    const answer = await ask(group, follower, { ...create('main'), as: OPERATOR });
    expect(JSON.parse(answer.body)).toMatchObject({
      cluster: 'main',
      sequence: 0,
      events: [{ sequence: 1, cause: { by: 'alice', rule: 'operator-create' } }],
    });
    const again = await ask(group, follower, { ...create('main'), as: OPERATOR });
    expect(again.status).toBe(409);
    expect(JSON.parse(again.body)).toMatchObject({ code: 'CLUSTER_EXISTS' });
  });

  it('shows the same status on every controller', async () => {
    const { name: leader } = await group.leader();
    for (const name of ['c1', 'c2', 'c3']) {
      const answer = await ask(group, name, { method: 'GET', path: '/api/v1/status' });
      const status = statusAnswer.parse(JSON.parse(answer.body));
      expect(status.leader).toBe(leader);
      expect(status.clusters.map((cluster) => cluster.name)).toEqual(['main']);
      expect(status.controllers.filter((view) => view.reachable)).toHaveLength(3);
    }
  });

  it('gives the history from any controller, and no password in it', async () => {
    for (const name of ['c1', 'c2', 'c3']) {
      const path = '/api/v1/clusters/main/events';
      const answer = await until(`events at ${name}`, async () => {
        const found = await ask(group, name, { method: 'GET', path });
        return found.status === 200 && found;
      });
      const { events, newest } = eventsAnswer.parse(JSON.parse(answer.body));
      expect(newest).toBe(1);
      expect(events.map(({ event }) => event.type)).toEqual(['ClusterCreated']);
      expect(answer.body).not.toContain(PASSWORD);
    }
  });

  it.each([
    { path: '/api/v1/clusters/none', status: 404, code: 'UNKNOWN_CLUSTER' },
    { path: '/api/v1/nothing', status: 404, code: 'NOT_FOUND' },
    { path: '/api/v1/clusters/main/events?limit=0', status: 400, code: 'INVALID_REQUEST' },
  ])('answers $path with $code', async ({ path, status, code }) => {
    const answer = await ask(group, 'c1', { method: 'GET', path });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ code });
  });

  it('names the rules that refuse a switchover', async () => {
    const path = '/api/v1/clusters/main/switchover';
    const answer = await ask(group, 'c1', { method: 'POST', path, body: {}, as: OPERATOR });
    expect(answer.status).toBe(409);
    const problem = problemSchema.parse(JSON.parse(answer.body));
    expect(problem.code).toBe('OPERATION_REFUSED');
    expect(problem.refusals.length).toBeGreaterThan(0);
  });

  it('is ready, and has metrics', async () => {
    const ready = await ask(group, 'c1', { method: 'GET', path: '/readyz' });
    expect(JSON.parse(ready.body)).toMatchObject({ ok: true, writeStallMs: expect.any(Number) });
    const metrics = await ask(group, 'c1', { method: 'GET', path: '/metrics' });
    expect(metrics.body).toContain('matriarch_raft_term ');
    expect(metrics.body).toContain('matriarch_lease_epoch{cluster="main"} 0');
  });

  it('measures what an operator of a consensus group looks at', async () => {
    const { name } = await group.leader();
    const { body } = await ask(group, name, { method: 'GET', path: '/metrics' });
    const metric = (series: string): number => {
      const line = body.split('\n').find((each) => each.startsWith(`${series} `));
      return line === undefined ? Number.NaN : Number(line.slice(series.length + 1));
    };
    expect(metric('matriarch_raft_has_leader')).toBe(1);
    expect(metric('matriarch_raft_isolated')).toBe(0);
    for (const fed of [
      'matriarch_raft_leader_changes_total',
      'matriarch_raft_last_index',
      'matriarch_raft_write_seconds_count',
      'matriarch_raft_batch_entries_count',
      'matriarch_raft_tick_late_seconds_count',
      'matriarch_commands_total{outcome="applied"}',
      'matriarch_disk_available_bytes',
    ]) {
      expect({ fed, positive: metric(fed) > 0 }).toEqual({ fed, positive: true });
    }
    const peers = body.match(/^matriarch_raft_peer_lag_entries\{peer="c\d"\} \d+$/gm);
    expect(peers).toHaveLength(2);
  });
});
