import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isDead, ProcTable } from '#libs/process';
import { ip } from '../../hosts/namespaces.ts';
import { until } from '../until.ts';

const LIMIT_MS = 60_000;

/** `vitest run` on a test that starts a process in a session of its own and does not end. */
async function runThatHangs(directory: string) {
  const config = join(import.meta.dirname, 'killed-run.config.ts');
  const argv = ['node_modules/vitest/vitest.mjs', 'run', '--config', config];
  const run = spawn(process.execPath, argv, {
    env: { ...process.env, LEFT_IN: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  run.stdout.on('data', (text) => said.push(String(text)));
  run.stderr.on('data', (text) => said.push(String(text)));
  const pidFile = join(directory, 'pid');
  const started = until(
    () => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '',
    LIMIT_MS,
  );
  await started.catch((cause: unknown) => {
    throw new Error(said.join(''), { cause });
  });
  return { run, left: Number(readFileSync(pidFile, 'utf8')) };
}

it.each(['SIGINT', 'SIGKILL'] as const)(
  'a run that %s ends leaves no process, no network and no directory',
  async (signal) => {
    const directory = mkdtempSync(join(tmpdir(), 'mt-'));
    const { run, left } = await runThatHangs(directory);
    expect(isDead(new ProcTable().stat(left))).toBe(false);
    // As a test of that run would have named it, which is dead by then.
    const network = 'm4194304a-n1';
    await ip('netns', 'add', network);
    const ended = once(run, 'exit');
    run.kill(signal);
    await ended;
    await until(() => isDead(new ProcTable().stat(left)), LIMIT_MS);
    await until(() => !existsSync(directory), LIMIT_MS);
    expect(existsSync(`/run/netns/${network}`)).toBe(false);
  },
);
