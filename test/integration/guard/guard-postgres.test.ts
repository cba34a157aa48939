import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { AT_ONCE_MS, guardRig, LEASE_TTL_MS } from './guard-rig.ts';
import { fusePid } from './guarded-instance.ts';

const GUARD_KILL_MS = 150;

describe('a guard and its PostgreSQL', () => {
  const rig = guardRig();

  it('starts a standby without any lease, and not into a primary', async () => {
    expect(await rig.agent.start(null)).toBe('done');
    const client = await rig.instance.connected();
    const { rows } = await client.query('select pg_is_in_recovery() as standby');
    expect(rows).toEqual([{ standby: true }]);
    expect(await rig.agent.promoting(3)).toBe('LEASE_NOT_HELD');
    expect(await rig.agent.permitDestruction()).toBe('POSTGRES_RUNNING');
    await client.end();
    expect(await rig.agent.stop('fast')).toBe('done');
    expect(await rig.agent.permitDestruction()).toBe('done');
  });

  it('reports a dead postmaster only when no process is left, and starts again', async () => {
    const { of } = await rig.primary();
    const busy = await rig.instance.client();
    const endless = busy.query('do $$ begin loop end loop; end $$').catch(() => 'broken');
    await until(() => rig.instance.pids().length > 5, 2_000);
    const pid = rig.agent.state.postmasterPid ?? 0;
    const killedMs = performance.now();
    process.kill(pid, 'SIGKILL');
    await until(() => rig.agent.state.postmaster === 'down', 5_000, 1);
    const tookMs = performance.now() - killedMs;
    expect(rig.instance.pids()).toEqual([]);
    expect(await endless).toBe('broken');
    console.log(`postmaster killed: down after ${tookMs.toFixed(0)} ms`);
    expect(rig.agent.state.epoch).toBe(of);
    expect(rig.agent.state.lastStop).toBe('signal SIGKILL');
    expect(await rig.agent.start(of)).toBe('done');
    await rig.instance.connected();
  });

  it('starts a primary also where recovery.signal was left by hand', async () => {
    const { of } = await rig.primary();
    const left = join(rig.instance.dataDirectory, 'recovery.signal');
    writeFileSync(left, '');
    process.kill(rig.agent.state.postmasterPid ?? 0, 'SIGKILL');
    await until(() => rig.agent.state.postmaster === 'down', 20_000);
    expect(await rig.agent.start(of)).toBe('done');
    const client = await rig.instance.connected();
    const { rows } = await client.query('select pg_is_in_recovery() as recovering');
    expect(rows).toEqual([{ recovering: false }]);
    expect(existsSync(left)).toBe(false);
  });

  it('is not put off by an order that comes once more: a frozen PostgreSQL is killed in its time', async () => {
    await rig.primary();
    process.kill(Number(rig.agent.state.postmasterPid), 'SIGSTOP');
    const orders: Promise<string>[] = [];
    const again = setInterval(() => orders.push(rig.agent.stop('immediate')), GUARD_KILL_MS / 3);
    try {
      await until(() => rig.agent.state.postmaster === 'down', AT_ONCE_MS);
    } finally {
      clearInterval(again);
    }
    expect(new Set(await Promise.all(orders))).toEqual(new Set(['done']));
  });

  it('says that a fast stop takes too long, and an immediate one ends it', async () => {
    await rig.primary();
    // A backup in progress of nobody: the postmaster waits for its walsender in vain.
    process.kill(Number(rig.agent.state.postmasterPid), 'SIGSTOP');
    expect(await rig.agent.stop('fast', 150)).toBe('STOP_TIMED_OUT');
    const orderedMs = performance.now();
    expect(await rig.agent.stop('immediate')).toBe('done');
    expect(performance.now() - orderedMs).toBeLessThan(AT_ONCE_MS);
    expect(rig.instance.pids()).toEqual([]);
  });

  it('a promotion counts as a primary from the moment before it is asked for', async () => {
    rig.epochs += 1;
    expect(await rig.agent.start(null)).toBe('done');
    const client = await rig.instance.connected();
    rig.controllers.grant(rig.epochs, rig.agent.state.incarnation);
    expect(await rig.agent.acquire(rig.epochs)).toBe('done');
    expect(await rig.agent.promoting(rig.epochs)).toBe('done');
    rig.controllers.answering = false;
    const { rows } = await client.query('select pg_is_in_recovery() as standby');
    expect(rows).toEqual([{ standby: true }]);
    await rig.untilGone();
    expect(rig.controllers.confirmedArrivalMs + LEASE_TTL_MS - performance.now()).toBeGreaterThan(
      0,
    );
  });

  it('a standby goes on when the lease that it was to be promoted with is lost', async () => {
    rig.epochs += 1;
    expect(await rig.agent.start(null)).toBe('done');
    await rig.instance.connected();
    rig.controllers.grant(rig.epochs, rig.agent.state.incarnation);
    expect(await rig.agent.acquire(rig.epochs)).toBe('done');
    rig.controllers.refuse(rig.epochs, 'epoch is Expired');
    await until(() => rig.agent.state.epoch === null, 1_000);
    await until(() => rig.agent.state.postmaster === 'running', 1_000);
    expect(await rig.agent.promoting(rig.epochs)).toBe('EPOCH_OVER');
  });

  it('a crash of one backend ends PostgreSQL instead of a restart that nobody knows of', async () => {
    await rig.primary();
    const victim = await rig.instance.client();
    const { rows } = await victim.query<{ pid: number }>('select pg_backend_pid() as pid');
    process.kill(rows[0]?.pid ?? 0, 'SIGSEGV');
    await until(() => rig.agent.state.postmaster === 'down', 8_000);
    expect(rig.instance.pids()).toEqual([]);
  });

  it('leaves a server alone in a directory that no guard ever had, until it is stopped', async () => {
    rig.guard.kill('SIGTERM');
    await new Promise((resolve) => rig.guard.once('exit', resolve));
    rig.instance.forgetGuards();
    const server = rig.instance.startByHand();
    const refused = rig.instance.spawnGuard(rig.bundle.script);
    expect(await new Promise((resolve) => refused.once('exit', resolve))).toBe(3);
    expect(rig.instance.log()).toContain('SERVER_OF_OTHERS');
    expect(rig.instance.log()).toContain(`process ${server}`);
    const client = await rig.instance.connected();
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
    // The refused guard left no trace by which the next would take the server for its own.
    const again = rig.instance.spawnGuard(rig.bundle.script);
    expect(await new Promise((resolve) => again.once('exit', resolve))).toBe(3);
    process.kill(server, 'SIGINT');
    await until(() => rig.instance.pids().length === 0, 10_000);
    rig.instance.spawnGuard(rig.bundle.script);
    const next = await rig.instance.attach();
    expect(await next.start(null)).toBe('done');
  });

  it('sweeps away a postmaster that nobody guards', async () => {
    await rig.primary();
    const orphan = rig.agent.state.postmasterPid;
    // Killed so that the death signal and the fuse have no say: both are what this does not rely on.
    process.kill(await until(() => fusePid(rig.instance.dataDirectory), 1_000), 'SIGSTOP');
    process.kill(Number(orphan), 'SIGSTOP');
    rig.guard.kill('SIGKILL');
    await new Promise((resolve) => rig.guard.once('exit', resolve));
    expect(rig.instance.pids().length).toBeGreaterThan(0);
    rig.instance.spawnGuard(rig.bundle.script);
    await rig.instance.attach();
    expect(rig.instance.pids()).toEqual([]);
    expect(rig.instance.log()).toContain('processes left by a dead guard killed');
    // The dead guard's fuse would take the next postmaster for its own.
    await until(() => fusePid(rig.instance.dataDirectory) === null, 1_000);
  });
});
