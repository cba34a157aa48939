import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { problem, sseMessage } from '#libs/api';
import { readTlsFiles } from '#libs/config';
import { runCli } from './run-cli.ts';
import { FakeController, type Handler } from './testing/fake-controller.ts';
import { cluster, instance, recorded, status } from './testing/fixtures.ts';

const directory = mkdtempSync(join(tmpdir(), 'cli-'));
const started: FakeController[] = [];

async function cli(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const streams = { out: (text: string) => out.push(text), err: (text: string) => err.push(text) };
  const exitCode = await runCli(argv, {
    out: (text) => void streams.out(text),
    err: (text) => void streams.err(text),
  });
  return { exitCode, out: out.join(''), err: err.join('') };
}

async function controller(handler: Handler): Promise<string> {
  const paths = ['ca.crt', 'controller-c1.crt', 'controller-c1.key'].map((file) =>
    join(directory, file),
  );
  const [ca = '', certificate = '', key = ''] = paths;
  const fake = await FakeController.start(handler, readTlsFiles({ ca, certificate, key }));
  started.push(fake);
  return fake.url;
}

/** A controller that accepts one order and then tells these events. */
function obeying(events: readonly { type: string; [key: string]: unknown }[]): Handler {
  return ({ method, path }, response) => {
    if (method === 'POST') {
      return { status: 202, body: { cluster: 'main', sequence: 33, events: [], satisfied: null } };
    }
    if (!path.includes('/stream')) return { status: 200, body: status() };
    for (const [index, event] of events.entries()) {
      response.write(sseMessage(recorded(34 + index, event.type, event)));
    }
    return null;
  };
}

const SWITCHED = [
  { type: 'SwitchoverStarted', from: 'pg1', to: 'pg2' },
  { type: 'SwitchoverCompleted', primary: 'pg2', phasesMs: { stop: 60, catchUp: 20, promote: 45 } },
];

beforeAll(async () => {
  expect((await cli('certs', 'init', '--directory', directory)).exitCode).toBe(0);
  for (const [role, name] of [
    ['controller', 'c1'],
    ['operator', 'anna'],
  ] as const) {
    const issued = await cli(
      'certs',
      'issue',
      '--directory',
      directory,
      '--role',
      role,
      '--name',
      name,
    );
    expect(issued.exitCode).toBe(0);
  }
});
afterEach(async () => {
  for (const fake of started.splice(0)) await fake.stop();
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('exit 2, one line and a JSON error', () => {
  it.each([
    { argv: ['statsu'], says: "unknown command 'statsu': did you mean 'status'?" },
    { argv: ['list'], says: "unknown command 'list': did you mean 'status'?" },
    { argv: ['history'], says: "unknown command 'history': did you mean 'failovers'?" },
    { argv: ['edit-config'], says: "unknown command 'edit-config': did you mean 'config edit'?" },
    { argv: ['config', 'get'], says: "unknown command 'get': did you mean 'config show'?" },
    { argv: ['certs', 'list'], says: "unknown command 'list': `matriarch help` lists the verbs" },
    { argv: ['xyzzy'], says: "unknown command 'xyzzy': `matriarch help` lists the verbs" },
    { argv: ['switchover', '--too', 'pg2'], says: "unknown option '--too': did you mean '--to'?" },
    { argv: ['events', '--after', '-1'], says: 'give a whole number from 0' },
    { argv: ['failover', '--wait', 'long'], says: 'give seconds up to 86400' },
    { argv: ['cluster', 'create', 'main'], says: "required option '--file <file>' not specified" },
    {
      argv: ['config', 'example', 'agnet'],
      says: 'Allowed choices are controller, agent, cluster',
    },
    { argv: ['config', 'check', '/none'], says: 'cannot read configuration /none' },
    {
      argv: ['certs', 'issue', '--directory', '/none', '--role', 'agent', '--name', 'pg1'],
      says: 'CLUSTER/INSTANCE',
    },
    {
      argv: ['certs', 'issue', '--directory', '/none', '--role', 'operator', '--name', 'a'],
      says: 'certs init --directory /none',
    },
    { argv: ['status', '--api', '127.0.0.1:9'], says: 'connection refused' },
    { argv: ['switchover', 'main', '--api', '127.0.0.1:9'], says: 'needs an operator certificate' },
    { argv: ['status', '--certs', '/none'], says: 'there is no such directory' },
  ])('$argv', async ({ argv, says }) => {
    const { exitCode, out, err } = await cli(...argv, '--json');
    expect(exitCode).toBe(2);
    expect(err).toContain(says);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    const lines = out.split('\n');
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      error: { code: expect.stringMatching(/^[A-Z_]+$/), message: expect.stringContaining(says) },
    });
  });

  it('of a group without its verb, after its help', async () => {
    const { exitCode, out, err } = await cli('config', '--json');
    expect(exitCode).toBe(2);
    expect(err).toMatch(/^Usage: matriarch config/);
    expect(out).toBe('{"error":{"code":"USAGE","message":"a verb is missing"}}\n');
  });

  it('breaks lines between words on a terminal', async () => {
    const err: string[] = [];
    const streams = { out: () => undefined, err: (text: string) => void err.push(text) };
    await runCli(['config', 'exmple', 'agent'], { ...streams, columns: () => 40 });
    expect(err.join('')).toBe("matriarch: unknown command 'exmple': did\n  you mean 'example'?\n");
  });

  it('prints nothing on stdout for people', async () => {
    expect((await cli('statsu')).out).toBe('');
  });
});

describe('status', () => {
  it('of one cluster shows that one alone, and names those there are when it is unknown', async () => {
    const clusters = [cluster({ name: 'main' }), cluster({ name: 'dr' })];
    const url = await controller(() => ({ status: 200, body: status({ clusters }) }));
    const asked = ['--api', url, '--certs', directory];
    const one = await cli('status', 'dr', ...asked, '--json');
    expect(JSON.parse(one.out).clusters).toMatchObject([{ name: 'dr' }]);
    const none = await cli('status', 'nowhere', ...asked);
    expect(none).toMatchObject({ exitCode: 2 });
    expect(none.err).toContain(
      "'nowhere' is no cluster of these controllers: name one of main, dr",
    );
  });

  it('is one line of JSON, or YAML, or a table', async () => {
    const url = await controller(() => ({ status: 200, body: status() }));
    const asked = ['status', '--api', url, '--certs', directory];
    const json = await cli(...asked, '--output', 'json');
    expect(json).toMatchObject({ exitCode: 0, err: '' });
    expect(json.out.split('\n')).toHaveLength(2);
    expect(JSON.parse(json.out)).toEqual(status());
    expect((await cli(...asked, '-o', 'yaml')).out).toMatch(/^controller: c2\nleader: c2\n/);
    expect((await cli(...asked)).out).toMatch(/^Controllers {2}leader c2\n/);
  });
});

describe('switchover', () => {
  it('follows the order to its end and gives the outage', async () => {
    const url = await controller(obeying(SWITCHED));
    const common = ['--api', url, '--certs', directory, '--json'];
    const { exitCode, out } = await cli('switchover', '--to', 'pg2', ...common);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toEqual({
      ...{ cluster: 'main', ok: true, primary: 'pg2', outageMs: 125 },
      phasesMs: { stop: 60, catchUp: 20, promote: 45 },
    });
  });

  it('is told in lines that fit the terminal', async () => {
    const url = await controller(obeying(SWITCHED));
    const out: string[] = [];
    const streams = { out: (text: string) => void out.push(text), err: () => undefined };
    const argv = ['switchover', '--to', 'pg2', '--api', url, '--certs', directory];
    await runCli(argv, { ...streams, columns: () => 40 });
    expect(out.join('')).toBe(
      'pg2 is the primary of main, outage 125\n  ms (stop 60, catchUp 20, promote 45)\n',
    );
  });

  it('exits 1 when it is given up', async () => {
    const url = await controller(
      obeying([{ type: 'SwitchoverAbandoned', reason: 'pg2 fell behind' }]),
    );
    const { exitCode, out } = await cli('switchover', 'main', '--api', url, '--certs', directory);
    expect(exitCode).toBe(1);
    expect(out).toContain('switchover of main: given up: pg2 fell behind. The primary of before');
    expect(out).toContain('`matriarch explain`');
  });

  it('exits 1 when the waiting ends first', async () => {
    const url = await controller(obeying([]));
    const wait = ['--wait', '0.2', '--json'];
    const { exitCode, out } = await cli(
      'switchover',
      'main',
      '--api',
      url,
      '--certs',
      directory,
      ...wait,
    );
    expect(exitCode).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ ok: false, reason: expect.stringContaining('0.2 s') });
  });

  it.each([
    { verb: ['switchover', 'main'], says: 'not watched any more; it goes on: follow it with' },
    { verb: ['restart', 'main'], says: 'or take it back with `matriarch restart --cancel`' },
    { verb: ['demote-cluster', 'main', '--host', 'dr1'], says: 'it goes on: `matriarch events' },
  ])('Ctrl-C ends the watching of $verb and not what was ordered', async ({ verb, says }) => {
    const before = process.listenerCount('SIGINT');
    const url = await controller((request, response) => {
      if (request.path.includes('/stream')) setTimeout(() => process.emit('SIGINT'), 50);
      return obeying([])(request, response);
    });
    const wait = ['--wait', '10', '--json'];
    const { exitCode, out } = await cli(...verb, '--api', url, '--certs', directory, ...wait);
    expect(exitCode).toBe(130);
    expect(JSON.parse(out)).toMatchObject({ ok: false, reason: expect.stringContaining(says) });
    expect(process.listenerCount('SIGINT')).toBe(before);
  });

  it('exits 1 when the rules refuse it', async () => {
    const body = problem('OPERATION_REFUSED', 'pg9 is no member of main');
    const url = await controller(() => ({ status: 409, body }));
    const asked = [
      'switchover',
      'main',
      '--to',
      'pg9',
      '--api',
      url,
      '--certs',
      directory,
      '--json',
    ];
    expect(await cli(...asked)).toEqual({
      exitCode: 1,
      out: '{"ok":false,"code":"OPERATION_REFUSED","reason":"pg9 is no member of main"}\n',
      err: 'matriarch: pg9 is no member of main\n',
    });
  });

  it('asks which cluster when there are several', async () => {
    const clusters = [cluster(), cluster({ name: 'other' })];
    const url = await controller(() => ({ status: 200, body: status({ clusters }) }));
    const { exitCode, err } = await cli('failover', '--api', url, '--certs', directory);
    expect(exitCode).toBe(2);
    expect(err).toBe('matriarch: there are several clusters: name one of main, other\n');
  });
});

describe('reinit', () => {
  const methods = (ok: boolean) => {
    const found = { detail: ok ? 'server pg1' : 'nobody answers', bytes: null, checks: [] };
    return [{ method: 'basebackup', ok, estimateSeconds: null, listed: true, ...found }];
  };

  /** A controller that knows pg2, whose agent says what its methods would do. */
  async function asked(ok: boolean, ...options: string[]) {
    const agent = await FakeController.start(() => {
      return { status: 200, body: { instance: 'pg2', methods: methods(ok) } };
    });
    started.push(agent);
    const instances = [instance({ name: 'pg2', agentUrl: agent.url })];
    const obeys = obeying([
      { type: 'RebuildCompleted', instance: 'pg2', method: 'basebackup', tookMs: 4_700 },
    ]);
    const url = await controller((request, response) => {
      const isView = request.method === 'GET' && request.path.endsWith('/clusters/main');
      return isView ? { status: 200, body: cluster({ instances }) } : obeys(request, response);
    });
    return cli('reinit', 'main', 'pg2', '--api', url, '--certs', directory, ...options);
  }

  it('follows the order to its end', async () => {
    const { exitCode, out } = await asked(true, '--follow');
    expect(out).toBe('pg2 is built anew by basebackup and streams, 4.7 s\n');
    expect(exitCode).toBe(0);
  });

  it('stops nothing for what could not begin, unless it is forced', async () => {
    const { exitCode, out } = await asked(false);
    expect(exitCode).toBe(1);
    expect(out).toContain('pg2 is left as it is, no method would work now: basebackup: nobody');
    expect((await asked(false, '--force', '--follow')).exitCode).toBe(0);
  });
});

describe('events', () => {
  it('asks page after page', async () => {
    const all = [1, 2, 3].map((at) => recorded(at, `event ${at}`, { type: 'ClusterPaused' }));
    const url = await controller(({ path }) => {
      const after = Number(new URL(path, 'http://x').searchParams.get('after'));
      return { status: 200, body: { events: all.slice(after, after + 2), newest: 3 } };
    });
    const asked = ['events', 'main', '--after', '0', '--api', url, '--certs', directory];
    expect((await cli(...asked)).out).toBe(
      '2025-06-15 15:06:40.020      1  event 1\n' +
        '2025-06-15 15:06:40.040      2  event 2\n' +
        '2025-06-15 15:06:40.060      3  event 3\n',
    );
    expect(JSON.parse((await cli(...asked, '--json')).out)).toEqual({
      cluster: 'main',
      events: all,
    });
  });
});

describe('verbs of this machine', () => {
  it('an example passes the check but for the certificates it names', async () => {
    const file = join(directory, 'agent.yaml');
    writeFileSync(file, (await cli('config', 'example', 'agent')).out);
    const { exitCode, out } = await cli('config', 'check', file, '--json');
    expect(exitCode).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ...{ valid: false, kind: 'agent' },
      problems: [expect.stringContaining('cannot use the certificate authority')],
    });
    const clusterFile = join(directory, 'cluster.yaml');
    writeFileSync(clusterFile, (await cli('config', 'example', 'cluster')).out);
    expect((await cli('config', 'check', clusterFile)).exitCode).toBe(0);
  });

  it('an authority is not made twice', async () => {
    const before = readFileSync(join(directory, 'ca.key'), 'utf8');
    const { exitCode, err } = await cli('certs', 'init', '--directory', directory);
    expect(exitCode).toBe(2);
    expect(err).toContain('holds a certificate authority already');
    expect(readFileSync(join(directory, 'ca.key'), 'utf8')).toBe(before);
  });

  it('version and help end with 0', async () => {
    expect((await cli('version')).out).toMatch(/^matriarch \d+\.\d+\.\d+ \(Node\.js 20\./);
    expect((await cli('--help')).exitCode).toBe(0);
    expect((await cli()).out).toContain('Usage: matriarch');
  });
});
