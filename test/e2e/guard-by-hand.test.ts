import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { guardPid } from '../../apps/cli/src/demo/instance-processes.ts';
import { loopbackPlan } from '../../apps/cli/src/demo/plan.ts';
import { RunningCluster } from '../../apps/cli/src/demo/running-cluster.ts';
import { SupervisedProcess } from '../../apps/cli/src/demo/supervised-process.ts';

const LAUNCHER = resolve(import.meta.dirname, '../../bin/matriarch');
const directory = mkdtempSync(join(tmpdir(), 'mt-'));
const plan = loopbackPlan(directory, 17_700);
let guard: SupervisedProcess;

beforeAll(async () => {
  chmodSync(directory, 0o755);
  await new RunningCluster(plan, { clientNetwork: '127.0.0.1/32' }).prepare();
});

afterAll(async () => {
  await guard.stop();
  rmSync(directory, { recursive: true });
});

it('matriarch guard --config starts the guard from the file of the agent, as its user', async () => {
  const [instance] = plan.instances;
  if (instance === undefined) throw new Error('the plan has no instance');
  guard = new SupervisedProcess({
    name: 'guard',
    argv: [LAUNCHER, 'guard', '--config', instance.configFile],
    logFile: instance.logFile,
    restartPauseMs: 60_000,
  });
  guard.start();
  const socket = join(instance.stateDirectory, 'guard.sock');
  await expect.poll(() => existsSync(socket), { timeout: 20_000 }).toBe(true);
  // The launcher became the guard: systemd supervises the right process.
  expect(guardPid(instance)).toBe(guard.pid);
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  expect(statSync(socket).uid).toBe(statSync(instance.stateDirectory).uid);
  await guard.stop();
  expect(guardPid(instance)).toBeNull();
  expect(readFileSync(instance.logFile, 'utf8')).toContain('guard ready');
});
