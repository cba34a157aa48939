import type { ChildProcess } from 'node:child_process';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { SERVER_OF_OTHERS_EXIT_CODE } from '#libs/protocol';
import { SERVICE_ARGUMENT } from '../../../apps/guard/src/turn.ts';
import { until } from '../until.ts';
import { GuardBundle } from './guard-bundle.ts';
import { GuardedInstance } from './guarded-instance.ts';
import { ScriptedControllers } from './scripted-controllers.ts';

const WAITS = 'guard waits for its turn';

/** The guard as `deploy/systemd` starts it, beside one that the agent began by itself, and beside other systems. */
let bundle: GuardBundle;
let instance: GuardedInstance;
let controllers: ScriptedControllers;

beforeAll(async () => {
  bundle = await GuardBundle.create();
  instance = await GuardedInstance.create();
});
beforeEach(async () => {
  controllers = await ScriptedControllers.listen(instance.authority);
  await instance.configure(controllers);
});
afterEach(async () => {
  await instance.end();
  await controllers.close();
});
afterAll(() => {
  instance.remove();
  bundle.remove();
});

function service(): ChildProcess {
  return instance.spawnGuard(bundle.script, [], [SERVICE_ARGUMENT]);
}

function exitOf(guard: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => guard.once('exit', (code) => resolve(code)));
}

function waits({ pid }: ChildProcess): Promise<boolean> {
  return until(() => lines().some((line) => line.msg === WAITS && line.pid === pid), 10_000);
}

function lines(): { readonly msg: string; readonly pid?: number }[] {
  const written = instance.log().split('\n').slice(0, -1);
  return written.map((line) => JSON.parse(line));
}

it('waits while another guard has the directory, and has it stop PostgreSQL when the service is stopped', async () => {
  const first = instance.spawnGuard(bundle.script);
  const agent = await instance.attach();
  expect(await agent.start(null)).toBe('done');
  await (await instance.connected()).end();
  const second = service();
  await waits(second);
  const ended = [exitOf(first), exitOf(second)];
  second.kill('SIGTERM');
  expect(await Promise.all(ended)).toEqual([0, 0]);
  expect(instance.pids()).toEqual([]);
});

it('takes over at once from one that dies', async () => {
  const first = instance.spawnGuard(bundle.script);
  await instance.attach();
  const second = service();
  await waits(second);
  first.kill('SIGKILL');
  const agent = await instance.attach();
  await until(() => agent.states.at(-1)?.pid === second.pid, 5_000);
  const ended = exitOf(second);
  second.kill('SIGTERM');
  expect(await ended).toBe(0);
});

it("waits while another system's PostgreSQL runs, which is left alone when the service is stopped", async () => {
  instance.forgetGuards();
  const pid = instance.startByHand();
  const guard = service();
  await waits(guard);
  const ended = exitOf(guard);
  guard.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(instance.pids()).toContain(pid);
  const next = service();
  process.kill(pid, 'SIGINT');
  const agent = await instance.attach();
  await until(() => agent.states.at(-1)?.pid === next.pid, 5_000);
});

it('leaves alone what another system started after a guard that had ended in order', async () => {
  const first = instance.spawnGuard(bundle.script);
  const agent = await instance.attach();
  expect(await agent.start(null)).toBe('done');
  const ended = exitOf(first);
  first.kill('SIGTERM');
  expect(await ended).toBe(0);
  const pid = instance.startByHand();
  expect(await exitOf(instance.spawnGuard(bundle.script))).toBe(SERVER_OF_OTHERS_EXIT_CODE);
  expect(instance.pids()).toContain(pid);
});

it('ends what is left of a guard that was killed', async () => {
  const first = instance.spawnGuard(bundle.script);
  await instance.attach();
  first.kill('SIGKILL');
  await exitOf(first);
  const pid = instance.startByHand();
  instance.spawnGuard(bundle.script);
  await until(() => !instance.pids().includes(pid), 5_000);
});
