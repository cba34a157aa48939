/** A backup of running controllers, restored as another group beside them, by the commands of the runbook. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../apps/cli/src/run-cli.ts';
import { freePort } from '../hosts/free-port.ts';
import { AgentClient } from '../integration/controller/clients.ts';
import { createCluster } from '../integration/controller/cluster-definition.ts';
import { ThreeControllers } from '../integration/controller/controllers.ts';
import { until } from '../integration/until.ts';
import { projectRoot } from '../simulation/project-root.ts';

const RUNBOOK = join(projectRoot(), 'docs/runbooks/controllers-disaster.md');
const SECTION = '### Restore beside controllers that still run';
const HOST = '127.0.0.1';
const LIMIT_MS = 60_000;

let old: ThreeControllers;
let restored: ChildProcess | null = null;
/** What stands in capitals in the runbook. */
const words = new Map<string, string>();

beforeAll(async () => {
  old = await ThreeControllers.make();
  await old.startAll();
  await old.leader();
  await createCluster(old, 'main');
  await old.certificate('operator', 'alice');
  const [link, api] = [await freePort(), await freePort()];
  const apis = [...old.ports.values()].map((place) => `${HOST}:${place.api}`);
  for (const [word, value] of [
    ['FILE', join(old.directory, 'controllers.backup')],
    ['OLDTLS', join(old.directory, 'tls')],
    ['OLD', apis.join(',')],
    ['NEWTLS', join(old.directory, 'new-tls')],
    ['NEWDIR', join(old.directory, 'new-c1')],
    ['NEW', `${HOST}:${api}`],
    ['HOST', HOST],
    ['PORT', String(link)],
    ['c1.yaml', join(old.directory, 'new-c1.yaml')],
  ] as const) {
    words.set(word, value);
  }
});

afterAll(async () => {
  if (restored !== null && restored.exitCode === null) {
    const ended = once(restored, 'exit');
    restored.kill();
    await ended;
  }
  await old.close();
});

const word = (name: string): string => {
  const found = words.get(name);
  if (found === undefined) throw new Error(`the runbook has '${name}', the test does not`);
  return found;
};

/** The commands of the section. */
function commands(): string[][] {
  const section = readFileSync(RUNBOOK, 'utf8').split(SECTION)[1]?.split('\n#')[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('matriarch '));
  return lines.map((line) => line.split(' ').slice(1));
}

/** As an operator would give it. */
function filledIn(command: readonly string[]): string[] {
  return command.map((part) => {
    if (part === 'HOST:PORT') return `${word('HOST')}:${word('PORT')}`;
    return /^[A-Z]+$|\.yaml$/.test(part) ? word(part) : part;
  });
}

async function matriarch(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await runCli([...argv, '--json'], {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
  });
  return {
    exitCode,
    result: JSON.parse(out.join('')) as Record<string, unknown>,
    err: err.join(''),
  };
}

/** Writes `c1.yaml` as the runbook says, and starts the program. */
function startRestored(): void {
  const [tls, api] = [word('NEWTLS'), Number(word('NEW').split(':')[1])];
  const config = {
    name: 'c1',
    stateDirectory: word('NEWDIR'),
    listen: { host: HOST, port: Number(word('PORT')) },
    api: { host: HOST, port: api },
    controllers: [{ name: 'c1', address: `${HOST}:${word('PORT')}` }],
    tls: {
      ca: join(tls, 'ca.crt'),
      certificate: join(tls, 'controller-c1.crt'),
      key: join(tls, 'controller-c1.key'),
    },
  };
  writeFileSync(word('c1.yaml'), JSON.stringify(config));
  const main = join(projectRoot(), 'dist/apps/controller/src/main.js');
  restored = spawn(process.execPath, [main, '--config', word('c1.yaml')], { stdio: 'ignore' });
}

/** Every command but those that come once agents are there. */
async function followRunbook(): Promise<void> {
  for (const command of commands()) {
    if (command[0] === 'resume') continue;
    const argv = filledIn(command);
    if (argv[0] === 'controller') {
      startRestored();
      continue;
    }
    const done = await until(async () => {
      const outcome = await matriarch(...argv);
      // `status` is asked until the controller that was just started answers.
      return argv[0] !== 'status' || outcome.exitCode === 0 ? outcome : null;
    }, LIMIT_MS);
    expect(done, `${argv.join(' ')}\n${done.err}`).toMatchObject({ exitCode: 0 });
    const { groupId } = done.result;
    if (argv[1] === 'init' && typeof groupId === 'string') words.set('ID', groupId);
  }
}

describe('a backup that is restored under a new id beside the old controllers', () => {
  it('is a group of its own, by the commands of the runbook', async () => {
    const { name: leader } = await old.leader();
    await followRunbook();
    expect(word('ID')).not.toBe(old.groupId);
    const status = await matriarch('status', '--api', word('NEW'), '--certs', word('NEWTLS'));
    expect(JSON.stringify(status.result)).toContain('"main"');
    // The old ones go on under their leader, and know of no other.
    expect((await old.leader()).name).toBe(leader);
    await createCluster(old, 'later');
    const seen = await matriarch('status', '--api', word('NEW'), '--certs', word('NEWTLS'));
    expect(JSON.stringify(seen.result)).not.toContain('"later"');
  });

  it('refuses controllers, agents and operators of the other, on both sides', async () => {
    const beside = new Map(old.ports);
    const [link, api] = [Number(word('PORT')), Number(word('NEW').split(':')[1])];
    beside.set('c1', { host: HOST, link, api });
    // Certificates of the old group at the address of the new one.
    const stray = Object.assign(Object.create(old) as ThreeControllers, { ports: beside });
    await expect(AgentClient.connect(stray, 'main/pg1', 'c1')).rejects.toThrow(/certificate|alert/);
    for (const [to, certs] of [
      ['NEW', 'OLDTLS'],
      ['OLD', 'NEWTLS'],
    ] as const) {
      const order = await matriarch('pause', 'main', '--api', word(to), '--certs', word(certs));
      expect(order.exitCode).toBe(2);
      expect(JSON.stringify(order.result)).toMatch(/certificate|alert|authority/);
    }
    expect(await until(async () => (await old.leader()).name, LIMIT_MS)).toBeTruthy();
  });

  it('takes orders of its own operators', async () => {
    const tls = ['--directory', word('NEWTLS')];
    for (const role of ['agent', 'guard']) {
      const issue = ['certs', 'issue', ...tls, '--role', role, '--name', 'main/pg1'];
      expect((await matriarch(...issue)).exitCode).toBe(0);
    }
    const resume = filledIn(commands().find(([verb]) => verb === 'resume') ?? []);
    const confirmed = await until(async () => {
      const outcome = await matriarch(...resume);
      return outcome.exitCode === 0 ? outcome : null;
    }, LIMIT_MS);
    expect(confirmed.result).toMatchObject({ ok: true });
    const operator = ['--api', word('NEW'), '--certs', word('NEWTLS')];
    for (const order of [
      ['pause', 'main'],
      ['resume', 'main'],
      ['controllers', 'list'],
      ['events', 'main'],
    ]) {
      expect(await matriarch(...order, ...operator), order.join(' ')).toMatchObject({
        exitCode: 0,
      });
    }
  });
});
