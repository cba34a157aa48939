import { renameSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { killAll, ProcessesInDirectory } from '#libs/process';
import { until } from '../until.ts';
import type { AgentStandIn } from './agent-stand-in.ts';
import { GuardBundle } from './guard-bundle.ts';
import { GuardedInstance } from './guarded-instance.ts';
import { ScriptedControllers } from './scripted-controllers.ts';

/** A backend that never looks whether its postmaster lives. */
const ENDLESS = 'do $$ begin loop end loop; end $$';

let bundle: GuardBundle;
let instance: GuardedInstance;
let controllers: ScriptedControllers;
let agent: AgentStandIn;
let moved: string;

beforeAll(async () => {
  bundle = await GuardBundle.create();
});

beforeEach(async () => {
  instance = await GuardedInstance.create();
  moved = `${instance.dataDirectory}.moved`;
  controllers = await ScriptedControllers.listen(instance.authority);
  await instance.configure(controllers);
  instance.spawnGuard(bundle.script);
  agent = await instance.attach();
  await until(() => controllers.connected === 3, 5_000);
});

afterEach(async () => {
  await instance.end();
  await killAll(new ProcessesInDirectory(moved), { limitMs: 5_000 });
  await controllers.close();
  instance.remove();
});

afterAll(() => bundle.remove());

/** A primary of epoch 1 with a busy backend, whose data directory somebody has renamed. */
async function movedAway(): Promise<{ readonly cutOff: Promise<string> }> {
  controllers.grant(1, agent.state.incarnation);
  expect(await agent.acquire(1)).toBe('done');
  expect(await agent.start(1)).toBe('done');
  await (await instance.connected()).end();
  const client = await instance.client();
  const cutOff = client.query(ENDLESS).then(
    () => 'acknowledged',
    () => 'cut off',
  );
  await until(() => instance.pids().length > 5, 5_000);
  renameSync(instance.dataDirectory, moved);
  return { cutOff };
}

const left = () => new ProcessesInDirectory(moved).scan().processes.map(({ title }) => title);

it('nothing is given back while a backend runs on in a directory that was moved away', async () => {
  const { cutOff } = await movedAway();
  process.kill(agent.state.postmasterPid ?? 0, 'SIGKILL');
  await until(() => agent.state.postmaster === 'down', 10_000, 1);
  expect(left()).toEqual([]);
  expect(await cutOff).toBe('cut off');
  expect(await agent.release(1)).toBe('done');
});
