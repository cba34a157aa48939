import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { problem, sseMessage } from '#libs/api';
import { readTlsFiles } from '#libs/config';
import { runCli } from '../run-cli.ts';
import { FakeController, type Handler } from '../testing/fake-controller.ts';
import { recorded, status } from '../testing/fixtures.ts';

const directory = mkdtempSync(join(tmpdir(), 'cli-orders-'));
let fake: FakeController | null = null;

async function cli(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await runCli(argv, {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
  });
  return { exitCode, out: out.join(''), err: err.join('') };
}

beforeAll(async () => {
  await cli('certs', 'init', '--directory', directory);
  for (const [role, name] of [
    ['controller', 'c1'],
    ['operator', 'anna'],
  ] as const) {
    await cli('certs', 'issue', '--directory', directory, '--role', role, '--name', name);
  }
});
afterEach(async () => {
  await fake?.stop();
  fake = null;
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Answers orders with `order`, and then tells `events`. */
async function ask(
  argv: readonly string[],
  order: Handler,
  events: readonly { type: string; [key: string]: unknown }[] = [],
) {
  const paths = ['ca.crt', 'controller-c1.crt', 'controller-c1.key'].map((file) =>
    join(directory, file),
  );
  const [ca = '', certificate = '', key = ''] = paths;
  fake = await FakeController.start((request, response) => {
    if (request.method === 'POST') return order(request, response);
    if (!request.path.includes('/stream')) return { status: 200, body: status() };
    for (const [index, event] of events.entries()) {
      response.write(sseMessage(recorded(34 + index, event.type, event)));
    }
    return null;
  }, readTlsFiles({ ca, certificate, key }));
  const ended = await cli(...argv, '--api', fake.url, '--certs', directory);
  const orders = fake.asked
    .filter((line) => line.startsWith('POST'))
    .map((line) => {
      const [, path = '', ...body] = line.split(' ');
      return { path, body: JSON.parse(body.join(' ')) as unknown };
    });
  return { ...ended, orders };
}

const planned = {
  ...{ type: 'RestartPlanned', instances: ['pg2', 'pg3', 'pg1'], rolling: true },
  ...{ onlyPending: false, notBefore: null, startedAt: {} },
};
const taken: Handler = () => ({
  status: 200,
  body: {
    ...{ cluster: 'main', sequence: 33, satisfied: null },
    events: [recorded(34, 'a restart of pg2, pg3, pg1 is planned', planned)],
  },
});
const ending = (outcome: string, reason: string) => [{ type: 'RestartEnded', outcome, reason }];
const refused = (rule: string): Handler => {
  const refusals = [{ instance: null, rule, value: 'now', limit: 'later' }];
  const body = problem('OPERATION_REFUSED', `${rule}: now (later)`, { refusals });
  return () => ({ status: 409, body });
};
const plain = { rolling: false, onlyPending: false };

describe('matriarch restart', () => {
  it.each([
    { argv: [], body: plain },
    { argv: ['--rolling'], body: { ...plain, rolling: true } },
    {
      argv: ['--pending', '--role', 'standby'],
      body: { ...plain, onlyPending: true, role: 'standby' },
    },
    { argv: ['--instance', 'pg2', 'pg3'], body: { ...plain, instances: ['pg2', 'pg3'] } },
  ])('$argv is one order, followed to its end', async ({ argv, body }) => {
    const ends = ending('completed', '3 instances');
    const { exitCode, out, orders } = await ask(['restart', 'main', ...argv], taken, ends);
    expect(orders).toEqual([{ path: '/api/v1/clusters/main/restart', body }]);
    expect(exitCode).toBe(0);
    expect(out).toBe('restart of main: completed: 3 instances\n');
  });

  it('that is given up exits 1, with the reason', async () => {
    const reason = 'pg2 does not start with revision 2: FATAL: no such library; not restarted: pg3';
    const ends = ending('failed', reason);
    const { exitCode, out } = await ask(['restart', 'main', '--json'], taken, ends);
    expect(exitCode).toBe(1);
    expect(JSON.parse(out)).toEqual({ cluster: 'main', ok: false, outcome: 'failed', reason });
  });

  it('--wait ends the waiting, not the restart', async () => {
    const { exitCode, out } = await ask(['restart', 'main', '--wait', '0.2'], taken);
    expect(exitCode).toBe(1);
    expect(out).toMatch(
      /^restart of main: not complete after 0.2 s; it goes on: .*`matriarch restart --cancel`/,
    );
  });

  it('--at is planned and not waited for', async () => {
    const at = ['--at', '2026-12-01T03:00:00+01:00'];
    const { exitCode, out, orders } = await ask(['restart', 'main', ...at], taken);
    const body = { ...plain, at: Date.parse('2026-12-01T02:00:00Z') };
    expect(orders).toEqual([{ path: '/api/v1/clusters/main/restart', body }]);
    expect(exitCode).toBe(0);
    expect(out).toContain('a restart of pg2, pg3, pg1 is planned\nfollow it: `matriarch events');
  });

  it('--at +10m is ten minutes from now', async () => {
    const before = Date.now();
    const { orders } = await ask(['restart', 'main', '--at', '+10m'], taken);
    const { at } = (orders[0]?.body ?? { at: 0 }) as { at: number };
    expect(at).toBeGreaterThanOrEqual(before + 600_000);
    expect(at).toBeLessThanOrEqual(Date.now() + 600_000);
  });

  it('--cancel takes it back', async () => {
    const nothing: Handler = () => ({
      status: 200,
      body: { cluster: 'main', sequence: 33, events: [], satisfied: 'no restart is planned' },
    });
    const { exitCode, out, orders } = await ask(['restart', 'main', '--cancel'], nothing);
    expect(orders).toEqual([{ path: '/api/v1/clusters/main/restart/cancel', body: {} }]);
    expect(exitCode).toBe(0);
    expect(out).toBe('nothing to do: no restart is planned\n');
  });

  it.each([
    { argv: ['--at', 'tomorrow'], says: "'tomorrow' is no time" },
    { argv: ['--at', '2026-12-01T03:00:00'], says: 'with its zone' },
    { argv: ['--role', 'leader'], says: 'Allowed choices are primary, standby' },
  ])('$argv is turned down before anybody is asked', async ({ argv, says }) => {
    const { exitCode, err, orders } = await ask(['restart', 'main', ...argv], taken);
    expect(orders).toEqual([]);
    expect(exitCode).toBe(2);
    expect(err).toContain(says);
  });

  it('exits 1 when the rules refuse it, with the way out of each', async () => {
    const { exitCode, out, err } = await ask(
      ['restart', 'main', '--json'],
      refused('restart-planned'),
    );
    expect(exitCode).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ ok: false, code: 'OPERATION_REFUSED' });
    expect(err).toBe(
      'matriarch: restart-planned (now, wanted: later). What helps: `matriarch restart --cancel`\n',
    );
  });
});

describe('matriarch reinit', () => {
  it.each(['main/pg2/x', 'main/', '/pg2'])('takes %s for no instance', async (named) => {
    const { exitCode, err, orders } = await ask(['reinit', named, '--force'], taken);
    expect([exitCode, orders]).toEqual([2, []]);
    expect(err).toContain(`'${named}' is no instance: write CLUSTER/INSTANCE`);
  });
});

describe('matriarch failover --copy-aside', () => {
  it('orders what status offers, and says who serves with it', async () => {
    const offered = 'failover main --to pg2 --copy-aside --accept-loss';
    const phasesMs = { detect: 0, promote: 900 };
    const { exitCode, out, orders } = await ask(
      [...offered.split(' '), '--yes'],
      () => ({
        status: 200,
        body: { cluster: 'main', sequence: 33, events: [], satisfied: null },
      }),
      [{ type: 'FailoverCompleted', primary: 'pg2', phasesMs, lostBytes: null }],
    );
    expect(orders).toEqual([
      {
        path: '/api/v1/clusters/main/failover',
        body: { to: 'pg2', acceptLoss: true, copyAside: true },
      },
    ]);
    expect([exitCode, out]).toEqual([0, expect.stringContaining('pg2 is the primary of main')]);
  });
});

describe('matriarch demote-cluster and promote-cluster', () => {
  const accepted: Handler = () => ({
    status: 200,
    body: { cluster: 'main', sequence: 33, events: [], satisfied: null },
  });
  const demoted = {
    type: 'ClusterDemoted',
    remote: { host: 'dr1', port: 5432, slot: null, user: null },
    stoppedAt: { timeline: 3, lsn: '0/5000060' },
  };

  it('says where the writing ended and what comes next', async () => {
    const { exitCode, out, orders } = await ask(
      ['demote-cluster', 'main', '--to', 'dr'],
      accepted,
      [demoted],
    );
    expect(orders).toEqual([
      { path: '/api/v1/clusters/main/demote-cluster', body: { to: 'dr', acceptUnknown: false } },
    ]);
    expect(exitCode).toBe(0);
    expect(out).toBe(
      'nobody writes in main any more, it ended at 0/5000060@3\nnext: `matriarch promote-cluster dr`\n' +
        'before that it can be taken back: `matriarch promote-cluster main`\n',
    );
  });

  it('gives the other controllers what their cluster must have received', async () => {
    const argv = ['demote-cluster', 'main', '--host', 'dr1'];
    const { out } = await ask(argv, accepted, [demoted]);
    expect(out).toContain('`matriarch promote-cluster NAME --last-written 0/5000060@3`');
  });

  it('exits 1 when the demotion is given up', async () => {
    const given = [{ type: 'ClusterDemotionAbandoned', reason: 'pg1 serves again' }];
    const argv = ['demote-cluster', 'main', '--host', 'dr1', '--port', '5433'];
    const { exitCode, out, orders } = await ask(argv, accepted, given);
    expect(orders[0]?.body).toEqual({ host: 'dr1', port: 5433, acceptUnknown: false });
    expect(exitCode).toBe(1);
    expect(out).toContain('pg1 serves again');
  });

  it('exits 1 when a standby cluster could not follow there', async () => {
    const given = [{ type: 'RemoteChangeRefused', reason: 'dr1: db9 holds another database' }];
    const argv = ['demote-cluster', 'dr', '--host', 'db9'];
    const { exitCode, out } = await ask(argv, accepted, given);
    expect(exitCode).toBe(1);
    expect(out).toContain('given up: dr1: db9 holds another database');
  });

  it('needs to know whom the cluster follows then', async () => {
    const { exitCode, err } = await ask(['demote-cluster', 'main'], accepted);
    expect(exitCode).toBe(2);
    expect(err).toContain('--to CLUSTER');
  });

  it('a promotion waits for the last WAL, and gives the new primary', async () => {
    let asked = 0;
    const late: Handler = (request, response) => {
      asked += 1;
      return (asked < 3 ? refused('wal-missing') : accepted)(request, response);
    };
    const argv = ['promote-cluster', 'dr', '--last-written', '0/5000060@3', '--json'];
    const events = [{ type: 'Promoted', instance: 'dr1', timeline: 4 }];
    const { exitCode, out, orders } = await ask(argv, late, events);
    expect(orders).toHaveLength(3);
    expect(orders[2]?.body).toEqual({ lastWritten: '0/5000060@3', acceptUnknown: false });
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toEqual({ cluster: 'dr', ok: true, primary: 'dr1', timeline: 4 });
  });

  it('what does not pass by itself is not waited for', async () => {
    const { exitCode, orders } = await ask(
      ['promote-cluster', 'dr'],
      refused('other-cluster-unknown'),
    );
    expect(orders).toHaveLength(1);
    expect(exitCode).toBe(1);
  });
});
