import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GuardBundle } from './guard-bundle.ts';
import { GuardedInstance } from './guarded-instance.ts';
import { ScriptedControllers } from './scripted-controllers.ts';
import { until } from './until.ts';

const PSS_LIMIT_KIB = 40 * 1_024;
const LOOP_DELAY_P99_LIMIT_MS = 10;
const MEASURED_MS = 4_000;
const BUSY_LOOPS = 6;
const SMALL_HEAP = ['--optimize-for-size', '--max-semi-space-size=1'];

type LoopDelay = { readonly p99Ms: number; readonly maxMs: number; readonly heapUsed: number };

describe('what a guard takes', () => {
  let bundle: GuardBundle;
  let instance: GuardedInstance;
  let controllers: ScriptedControllers;
  const busy: ChildProcess[] = [];

  beforeAll(async () => {
    bundle = await GuardBundle.create();
    instance = await GuardedInstance.create();
    controllers = await ScriptedControllers.listen(instance.authority);
    await instance.configure(controllers);
  });

  afterAll(async () => {
    for (const loop of busy) loop.kill('SIGKILL');
    await instance.end();
    await controllers.close();
    instance.remove();
    bundle.remove();
  });

  async function serve(nodeArguments: readonly string[], of: number): Promise<ChildProcess> {
    const guard = instance.spawnGuard(bundle.script, nodeArguments);
    const agent = await instance.attach();
    await until(() => controllers.connected === 3, 5_000);
    controllers.grant(of, agent.state.incarnation);
    expect(await agent.acquire(of)).toBe('done');
    expect(await agent.start(of)).toBe('done');
    await instance.connected();
    return guard;
  }

  it('memory: at most 40 MB with a primary and three links', async () => {
    const guard = await serve(SMALL_HEAP, 1);
    await delay(2_000);
    const kib = pssKib(guard.pid ?? 0);
    console.log(`guard PSS ${(kib / 1_024).toFixed(1)} MB`);
    expect(kib).toBeLessThan(PSS_LIMIT_KIB);
    await instance.end();
  });

  it('time: the loop is on time beside six busy ones', async () => {
    const probe = join(import.meta.dirname, 'loop-delay-probe.mjs');
    process.env['LOOP_DELAY_DIRECTORY'] = instance.directory;
    const guard = await serve([...SMALL_HEAP, '--import', probe], 2);
    // A process that does nothing shows what the machine gives to anybody.
    const idle = spawn(process.execPath, ['--import', probe, '-e', 'setInterval(() => {}, 400)'], {
      detached: true,
    });
    busy.push(idle);
    for (let n = 0; n < BUSY_LOOPS; n += 1) busy.push(spawn('sh', ['-c', 'while :; do :; done']));
    await delay(500);
    await Promise.all([loopDelay(guard), loopDelay(idle)]);
    await delay(MEASURED_MS);
    const [seen, ofIdle] = await Promise.all([loopDelay(guard), loopDelay(idle)]);
    console.log(
      `loop delay p99: guard ${seen.p99Ms.toFixed(1)} ms, idle ${ofIdle.p99Ms.toFixed(1)} ms`,
    );
    expect(seen.p99Ms).toBeLessThan(Math.max(LOOP_DELAY_P99_LIMIT_MS, 2 * ofIdle.p99Ms));
  });

  async function loopDelay(of: ChildProcess): Promise<LoopDelay> {
    const report = join(instance.directory, `loop-delay-${of.pid}.json`);
    rmSync(report, { force: true });
    of.kill('SIGUSR2');
    await until(() => existsSync(report) && readFileSync(report, 'utf8') !== '', 5_000);
    return JSON.parse(readFileSync(report, 'utf8')) as LoopDelay;
  }
});

function pssKib(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1]);
}
