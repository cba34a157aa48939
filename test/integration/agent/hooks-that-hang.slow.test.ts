/** Programs of an operator that never end, ignore SIGTERM and leave a process in a session of its own, on real PostgreSQL. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import { isDead, ProcTable } from '#libs/process';
import { until } from '../until.ts';
import { AgentTrio, BOOT_LIMIT_MS } from './agent-trio.ts';

const LIMIT_MS = 1_000;
/** SIGKILL comes half a second after SIGTERM; the rest is for a busy machine. */
const HELD_MAX_MS = LIMIT_MS + 4_000;

const directory = mkdtempSync(join(tmpdir(), 'matriarch-hanging-hooks-'));
let trio: AgentTrio;

/** Hangs for ever where a file says so, or only the first time that anybody runs it. */
function hanging(name: string, when: string): string[] {
  const path = join(directory, name);
  const stray = `trap "" TERM; echo $$ >> ${directory}/pids; exec sleep 86403`;
  const hang = `trap "" TERM; echo $$ >> ${directory}/pids; setsid sh -c '${stray}' & sleep 86403; sleep 86403`;
  writeFileSync(path, `#!/bin/sh\necho "$*" >> ${directory}/said\nif ${when}; then ${hang}; fi\n`);
  chmodSync(path, 0o755);
  return [path];
}

beforeAll(async () => {
  chmodSync(directory, 0o777);
  const always = hanging('always', 'true');
  const hooks = {
    ...{ onStart: always, onRoleChange: always, onReload: always, callbackLimitMs: LIMIT_MS },
    beforeStop: hanging('before-stop', `test -e ${directory}/stop-hangs`),
    prePromote: hanging('pre-promote', `mkdir ${directory}/promotion-hung 2>/dev/null`),
    postBootstrap: hanging('bootstrap', `mkdir ${directory}/bootstrap-hung 2>/dev/null`),
    ...{ beforeStopLimitMs: LIMIT_MS, prePromoteLimitMs: LIMIT_MS, postBootstrapLimitMs: LIMIT_MS },
  };
  trio = await AgentTrio.create(() => ({ agent: { hooks }, postgres: {} }));
});

afterAll(async () => {
  await trio?.remove();
  rmSync(directory, { recursive: true });
});

const read = (name: string) => {
  const path = join(directory, name);
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
};

/** Whatever hung has been ended, with what it had started. */
async function nothingIsLeft(): Promise<void> {
  const proc = new ProcTable();
  const alive = () => read('pids').filter((pid) => !isDead(proc.stat(Number(pid))));
  await until(() => alive().length === 0, BOOT_LIMIT_MS, 50);
  expect(read('pids').length).toBeGreaterThanOrEqual(2);
}

describe('a hook that hangs', () => {
  it('postBootstrap: the data directory is made anew, and callbacks that hang hold nothing up', async () => {
    await trio.bootstrap({});
    expect(existsSync(join(directory, 'bootstrap-hung'))).toBe(true);
    const types = trio.leader.events.map(({ event }) => event.type);
    expect(types).toContain('BootstrapAbandoned');
    await nothingIsLeft();
    expect(read('said').filter((line) => line.startsWith('on_start')).length).toBeGreaterThan(1);
  });

  it('prePromote: after its limit another one is promoted in place of a lost primary', async () => {
    const lost = trio.primary;
    const before = trio.leader.events.length;
    await lost.end();
    const another = () => trio.holder !== null && trio.holder !== lost.name;
    await until(another, BOOT_LIMIT_MS, 20);
    const since = trio.leader.events.slice(before);
    const grants = since.filter(({ event }) => event.type === 'LeaseGranted');
    const promoted = since.find(({ event }) => event.type === 'Promoted');
    expect(grants).toHaveLength(2);
    const [first, second] = grants.map(({ event }) => event);
    expect(first).not.toMatchObject({ holder: trio.holder });
    expect(second).toMatchObject({ holder: trio.holder });
    expect((promoted?.at ?? 0) - (grants[0]?.at ?? 0)).toBeLessThan(HELD_MAX_MS);
    lost.startAgent(trio.programs.agent);
    await trio.streaming(2);
    await nothingIsLeft();
  });

  it('beforeStop: the primary serves on meanwhile, and the switchover follows its limit', async () => {
    const [target] = trio.standbys;
    if (target === undefined) throw new Error('a standby is needed');
    // The one that refused a promotion is taken again after half a minute.
    await until(
      () => trio.leader.report(target.name)?.promotionRefused == null,
      BOOT_LIMIT_MS,
      100,
    );
    writeFileSync(join(directory, 'stop-hangs'), '');
    const from = trio.primary;
    const command = { type: 'switchover', to: instanceName(target.name) } as const;
    await until(() => trio.leader.command(command).kind === 'decided', BOOT_LIMIT_MS, 50);
    const beganMs = performance.now();
    await until(() => read('said').includes('before_stop primary orders'), BOOT_LIMIT_MS, 20);
    await trio.sql(from, 'CREATE TABLE written_meanwhile ()');
    await until(() => trio.holder === target.name, BOOT_LIMIT_MS, 20);
    expect(performance.now() - beganMs).toBeLessThan(HELD_MAX_MS);
    await trio.streaming(2);
    rmSync(join(directory, 'stop-hangs'));
    await nothingIsLeft();
    expect(trio.leader.problems).toEqual([]);
  });
});
