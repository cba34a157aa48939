import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunResult, run } from '#libs/process';

const LAUNCHER = resolve(import.meta.dirname, '../../bin/matriarch');
const TIMEOUT_MS = 60_000;
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'matriarch-launcher-'));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function launch(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
  return await run(argv, {
    timeoutMs: TIMEOUT_MS,
    env: { ...process.env, ...env },
    acceptExitCodes: [0, 1, 2],
  });
}

/** A program that answers `--version` as Node does. */
function nodeOfVersion(version: string): string {
  const path = join(directory, `node-${version}`);
  writeFileSync(path, `#!/bin/sh\necho v${version}\n`, { mode: 0o755 });
  return path;
}

describe('bin/matriarch', () => {
  it.each(['18.20.4', '20.18.3'])(
    'refuses Node %s in one line that says what to do',
    async (old) => {
      const { exitCode, stderr } = await launch([LAUNCHER, 'status'], {
        MATRIARCH_NODE: nodeOfVersion(old),
      });
      expect(exitCode).toBe(2);
      expect(stderr).toBe(
        `matriarch: Node.js v${old} is too old: install 20.19 or later (https://nodejs.org)\n`,
      );
    },
  );

  it('says that Node is missing', async () => {
    const { exitCode, stderr } = await launch([LAUNCHER, 'status'], { MATRIARCH_NODE: 'no-node' });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^matriarch: Node\.js 20\.19 or later is needed.*\n$/);
  });

  it('finds its installation through symbolic links', async () => {
    const inner = join(directory, 'inner');
    symlinkSync(LAUNCHER, inner);
    symlinkSync('inner', join(directory, 'outer'));
    const { exitCode, stdout } = await launch([join(directory, 'outer'), 'demo', '--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^matriarch demo /);
  });

  it.each(['controller', 'agent'])('starts the %s, which asks for its file', async (name) => {
    const { exitCode, stderr } = await launch([LAUNCHER, name]);
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/--config FILE/);
  });
});

describe('a process of its own', () => {
  it.each(['controller', 'agent'])('%s --help says what it takes', async (name) => {
    const { exitCode, stdout, stderr } = await launch([LAUNCHER, name, '--help']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^Usage: matriarch ${name} --config FILE`));
    expect(stdout).toContain(`matriarch config example ${name}`);
  });

  it('a controller names all that is wrong in its file, each with its line and the rule', async () => {
    const file = join(directory, 'controller.yaml');
    const lines = [
      ...['name: c1', 'stateDirectory: /nowhere', 'listen: { host: 127.0.0.1, port: 99999 }'],
      ...['listen2: 1', 'controllers: []'],
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    const { exitCode, stderr } = await launch([LAUNCHER, 'controller', '--config', file]);
    expect(exitCode).toBe(2);
    expect(stderr.trimEnd().split('\n')).toEqual([
      "matriarch controller: 'listen.port' is 99999 in controller.yaml line 3: it must be a port: a whole number from 1 to 65535",
      "matriarch controller: missing key 'api' in controller.yaml: it must be a mapping with host and port",
      "matriarch controller: 'controllers' is [] in controller.yaml line 5: it must be a list of 1, 3, 5 or 7 controllers, each with name and address",
      "matriarch controller: missing key 'tls' in controller.yaml: it must be a mapping with ca, certificate and key",
      "matriarch controller: unknown key 'listen2' in controller.yaml line 4: did you mean 'listen'?",
    ]);
  });

  it.each([
    { given: ['--config', '/nowhere.yaml'], says: 'there is no such file' },
    { given: ['--nonsense'], says: "Unknown option '--nonsense'" },
  ])('a controller that is given $given says what is wrong with it', async ({ given, says }) => {
    const { exitCode, stderr } = await launch([LAUNCHER, 'controller', ...given]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(says);
  });
});

describe('matriarch demo', () => {
  it('needs a terminal, or --check', async () => {
    const { exitCode, stderr } = await launch([LAUNCHER, 'demo']);
    expect(exitCode).toBe(2);
    expect(stderr).toBe('demo: the demo needs a terminal: use --check without one\n');
  });

  it('names the port that is taken, in one line and as JSON', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    const { port } = server.address() as AddressInfo;
    const { exitCode, stdout, stderr } = await launch([
      ...[LAUNCHER, 'demo', '--check', '--port-base', `${port}`],
    ]);
    await new Promise((closed) => server.close(closed));
    const error =
      `port ${port} (controller c1) is taken: ` +
      'end what listens there, or choose others with --port-base';
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 2,
      stdout: `${JSON.stringify({ error })}\n`,
      stderr: `demo: ${error}\n`,
    });
  });

  it('takes no directory that has something in it', async () => {
    const { exitCode, stderr } = await launch([LAUNCHER, 'demo', '--check', '--dir', directory]);
    expect(exitCode).toBe(2);
    expect(stderr).toBe(`demo: ${directory} is not empty: name a new one; or leave --dir out\n`);
  });
});
