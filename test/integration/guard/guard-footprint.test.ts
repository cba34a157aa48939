import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { GuardBundle } from './guard-bundle.ts';
import { GuardedInstance } from './guarded-instance.ts';
import { ScriptedControllers } from './scripted-controllers.ts';

const PSS_LIMIT_KIB = 40 * 1_024;
const LOOP_DELAY_P99_LIMIT_MS = 10;
const MEASURED_MS = 4_000;
/** Measured that often at most. */
const WINDOWS = 5;
const BUSY_LOOPS = 6;
/**
 * A leak of 250 bytes per renewal exceeds it. Compiled code and its feedback still grow a little here;
 * after 4,000 renewals it was 6 KiB per 1,000.
 */
const HEAP_GROWTH_LIMIT_KIB = 250;
const WARM_UP_RENEWALS = 1_000;

type LoopDelay = { readonly p99Ms: number; readonly maxMs: number; readonly heapUsed: number };

describe('what a guard takes', () => {
  let bundle: GuardBundle;
  let instance: GuardedInstance;
  let controllers: ScriptedControllers;
  const others: ChildProcess[] = [];

  beforeAll(async () => {
    bundle = await GuardBundle.create();
    instance = await GuardedInstance.create();
    controllers = await ScriptedControllers.listen(instance.authority);
    await instance.configure(controllers);
  });

  afterAll(async () => {
    await controllers.close();
    instance.remove();
    bundle.remove();
  });

  afterEach(async () => {
    for (const process of others.splice(0)) process.kill('SIGKILL');
    await instance.end();
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
    const guard = await serve([], 1);
    await delay(2_000);
    const kib = pssKib(guard.pid ?? 0);
    console.log(`guard PSS ${(kib / 1_024).toFixed(1)} MB`);
    expect(kib).toBeLessThan(PSS_LIMIT_KIB);
  });

  it('memory: stays as it is over many renewals', async () => {
    const probe = join(import.meta.dirname, 'loop-delay-probe.mjs');
    process.env['LOOP_DELAY_DIRECTORY'] = instance.directory;
    controllers.renewIntervalMs = 2;
    const guard = await serve(['--expose-gc', '--import', probe], 3);
    controllers.renewIntervalMs = 400;
    await until(() => controllers.requests('renew').length > WARM_UP_RENEWALS, 20_000);
    // The heap of a moment differs by 200 KiB from that of another; a leak grows in every window.
    const grownKib: number[] = [];
    for (let window = 1; window <= WINDOWS; window += 1) {
      const before = await loopDelay(guard);
      controllers.forget();
      await until(() => controllers.requests('renew').length > WARM_UP_RENEWALS, 20_000);
      const after = await loopDelay(guard);
      grownKib.push((after.heapUsed - before.heapUsed) / 1_024);
      console.log(`heap grew by ${grownKib.at(-1)?.toFixed(0)} KiB over 1,000 renewals`);
      if ((grownKib.at(-1) ?? 0) < HEAP_GROWTH_LIMIT_KIB) return;
    }
    expect(grownKib).toEqual([]);
  });

  it('time: the loop is on time beside six busy ones', async () => {
    const probe = join(import.meta.dirname, 'loop-delay-probe.mjs');
    process.env['LOOP_DELAY_DIRECTORY'] = instance.directory;
    const guard = await serve(['--import', probe], 2);
    const peerScript = join(import.meta.dirname, 'loop-delay-peer.mjs');
    const peer = spawn(process.execPath, ['--import', probe, peerScript], { detached: true });
    others.push(peer);
    for (let n = 0; n < BUSY_LOOPS; n += 1) others.push(spawn('sh', ['-c', 'while :; do :; done']));
    await delay(500);
    // Others may use the machine for a moment; a loop that is late by itself is late in every window.
    const late: string[] = [];
    for (let window = 1; window <= WINDOWS; window += 1) {
      await Promise.all([loopDelay(guard), loopDelay(peer)]);
      await delay(MEASURED_MS);
      const [seen, ofPeer] = await Promise.all([loopDelay(guard), loopDelay(peer)]);
      const text = `guard ${seen.p99Ms.toFixed(1)} ms, peer ${ofPeer.p99Ms.toFixed(1)} ms`;
      console.log(`loop delay p99: ${text}`);
      if (seen.p99Ms < Math.max(LOOP_DELAY_P99_LIMIT_MS, 2 * ofPeer.p99Ms)) return;
      late.push(text);
    }
    expect(late).toEqual([]);
  });

  async function loopDelay(of: ChildProcess): Promise<LoopDelay> {
    const report = join(instance.directory, `loop-delay-${of.pid}.json`);
    await until(() => existsSync(report.replace(/json$/, 'ready')), 20_000);
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
