import type { ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import type { AgentStandIn } from './agent-stand-in.ts';
import { GuardBundle } from './guard-bundle.ts';
import { fusePid, GuardedInstance } from './guarded-instance.ts';
import { ScriptedControllers } from './scripted-controllers.ts';
import { Writer } from './writer.ts';

const LEASE_TTL_MS = 3_000;
const STOP_BUDGET_MS = 300;
/** From the guard's `s` to the arrival at a controller of the same machine, and a busy machine. */
const SLACK_MS = 60;
/** What is done at once; more than a busy machine takes, less than a lease. */
const AT_ONCE_MS = 2_000;

describe('a guard and its PostgreSQL', () => {
  let bundle: GuardBundle;
  let instance: GuardedInstance;
  let controllers: ScriptedControllers;
  let guard: ChildProcess;
  let agent: AgentStandIn;
  let epochs = 0;

  beforeAll(async () => {
    bundle = await GuardBundle.create();
    instance = await GuardedInstance.create();
  });

  beforeEach(async () => {
    controllers = await ScriptedControllers.listen(instance.authority);
    await instance.configure(controllers);
    guard = instance.spawnGuard(bundle.script);
    agent = await instance.attach();
    await until(() => controllers.connected === 3, 5_000);
  });

  afterEach(async () => {
    await instance.end();
    await controllers.close();
  });

  afterAll(() => {
    instance.remove();
    bundle.remove();
  });

  /** A primary in a new epoch, with a client that writes all the time. */
  async function primary(): Promise<{ of: number; writer: Writer }> {
    epochs += 1;
    controllers.grant(epochs, agent.state.incarnation);
    expect(await agent.acquire(epochs)).toBe('done');
    expect(await agent.start(epochs)).toBe('done');
    const writer = new Writer(await instance.connected());
    await writer.begin();
    await until(() => writer.acknowledged > 20, 5_000);
    return { of: epochs, writer };
  }

  function untilGone(): Promise<boolean> {
    return until(() => instance.pids().length === 0, 10_000, 1);
  }

  it('refuses to start a primary without a confirmed lease', async () => {
    expect(await agent.start(7)).toBe('LEASE_NOT_HELD');
    controllers.answering = false;
    controllers.grant(900, agent.state.incarnation);
    expect(await agent.start(900)).toBe('LEASE_NOT_HELD');
    expect(instance.pids()).toEqual([]);
    expect(existsSync(join(instance.dataDirectory, 'standby.signal'))).toBe(true);
  });

  it('starts a standby without any lease, and not into a primary', async () => {
    expect(await agent.start(null)).toBe('done');
    const client = await instance.connected();
    const { rows } = await client.query('select pg_is_in_recovery() as standby');
    expect(rows).toEqual([{ standby: true }]);
    expect(await agent.promoting(3)).toBe('LEASE_NOT_HELD');
    expect(await agent.permitDestruction()).toBe('POSTGRES_RUNNING');
    await client.end();
    expect(await agent.stop('fast')).toBe('done');
    expect(await agent.permitDestruction()).toBe('done');
  });

  it('renews with the leader while answers come, and carries a position', async () => {
    await primary();
    controllers.forget();
    await until(() => controllers.requests('renew').length >= 4, 5_000);
    const renewals = controllers.heard.filter(({ request }) => request.type === 'renew');
    expect(new Set(renewals.map(({ by }) => by))).toEqual(new Set(['c1']));
    expect(agent.state.remainingMs).toBeGreaterThan(LEASE_TTL_MS - STOP_BUDGET_MS - 500);
    expect(agent.state.postmaster).toBe('running');
    expect(await agent.permitDestruction()).toBe('LEASE_HELD');
  });

  it('goes on beside an agent and controllers of a later version, and refuses what it does not know', async () => {
    const { of, writer } = await primary();
    // What it says of its start has arrived then.
    const renewals = controllers.requests('renew').length;
    await until(() => controllers.requests('renew').length > renewals, 20_000);
    controllers.forget();
    controllers.later();
    expect(await agent.later()).toBe('NOT_UNDERSTOOD');
    await until(() => controllers.requests('renew').length >= 2, 20_000);
    // Who comes back on a new link says first who it is.
    expect(controllers.requests('guardState')).toEqual([]);
    // Longer than the lease.
    await until(() => controllers.requests('renew').length >= LEASE_TTL_MS / 400 + 2, 20_000);
    expect(controllers.requests('renew').at(-1)).toMatchObject({ epoch: of, agentAbsentMs: 0 });
    const { acknowledged } = writer;
    await until(() => writer.acknowledged > acknowledged, 20_000);
    expect(await agent.stop('fast')).toBe('done');
  });

  it('gives its lease back in order when it has no agent and the leader wants it (safety 21)', async () => {
    const { of, writer } = await primary();
    controllers.forget();
    controllers.handBack(of);
    await until(() => controllers.requests('renew').length >= 2, 5_000);
    expect(agent.state).toMatchObject({ postmaster: 'running', epoch: of });
    agent.socket.destroy();
    await until(() => (controllers.requests('renew').at(-1)?.agentAbsentMs ?? 0) > 300, 5_000);
    controllers.handBack(of);
    await writer.untilBroken();
    await until(() => controllers.requests('release').length > 0, 10_000);
    const [release] = controllers.requests('release');
    expect(release).toMatchObject({ epoch: of, reason: 'yielded' });
    // An orderly end: the shutdown checkpoint is its last record.
    expect(release?.position).not.toBeNull();
    expect(instance.pids()).toEqual([]);
    expect(existsSync(join(instance.dataDirectory, 'standby.signal'))).toBe(true);
    agent = await instance.attach();
    expect(await agent.acquire(of)).toBe('EPOCH_OVER');
  });

  it('stops PostgreSQL at once when the leader refuses', async () => {
    const { of, writer } = await primary();
    const refusedMs = performance.now();
    controllers.refuse(of, 'epoch is Fenced');
    await untilGone();
    const tookMs = performance.now() - refusedMs;
    await writer.untilBroken();
    console.log(`refused: gone after ${tookMs.toFixed(0)} ms`);
    expect(tookMs).toBeLessThan(AT_ONCE_MS);
    await until(() => agent.state.postmaster === 'down', 1_000);
    expect(agent.state.lastStop).toContain('refused');
    expect(await agent.acquire(of)).toBe('EPOCH_OVER');
    expect(existsSync(join(instance.dataDirectory, 'standby.signal'))).toBe(true);
  });

  it('stops PostgreSQL before the lease ends when the controllers are silent', async () => {
    const { of, writer } = await primary();
    controllers.answering = false;
    await writer.untilBroken();
    const deadlineMs = controllers.confirmedArrivalMs + LEASE_TTL_MS;
    await untilGone();
    const leftMs = deadlineMs - writer.lastAckMs;
    const goneLeftMs = deadlineMs - performance.now();
    console.log(
      `silent: last ack ${leftMs.toFixed(0)} ms, gone ${goneLeftMs.toFixed(0)} ms before`,
    );
    expect(leftMs).toBeGreaterThan(STOP_BUDGET_MS - SLACK_MS);
    expect(leftMs).toBeLessThan(STOP_BUDGET_MS + 500);
    expect(goneLeftMs).toBeGreaterThan(0);
    const toAll = controllers.heard.filter(({ by }) => by === 'c3');
    expect(toAll.some(({ request }) => request.type === 'renew')).toBe(true);
    // The same epoch goes on when the controllers come back and nobody else was granted it.
    controllers.answering = true;
    await until(() => (agent.state.remainingMs ?? 0) > 1_000, 2_000);
    expect(await agent.start(of)).toBe('done');
    await instance.connected();
  });

  it('goes on without controllers while all members promise, and stops when one does not (safety 11)', async () => {
    const { of, writer } = await primary();
    controllers.failsafe(of, ['pg1', 'pg2', 'pg3']);
    let promising = ['pg2', 'pg3'];
    let rounds = 0;
    agent.onPromisesWanted = (wanted) => {
      expect(wanted).toMatchObject({ epoch: of, members: ['pg2', 'pg3'] });
      rounds += 1;
      agent.promises(wanted, promising);
    };
    controllers.answering = false;
    await until(
      () => performance.now() - controllers.confirmedArrivalMs > 2 * LEASE_TTL_MS,
      15_000,
    );
    expect(rounds).toBeGreaterThan(1);
    const before = writer.acknowledged;
    await until(() => writer.acknowledged > before, 5_000);
    promising = ['pg2'];
    await writer.untilBroken();
    await until(() => agent.state.lastStop?.includes('deadline') === true, 10_000);
    promising = ['pg2', 'pg3'];
    await until(() => agent.state.postmaster === 'down', 10_000);
    expect(await agent.start(of)).toBe('LEASE_NOT_HELD');
    controllers.answering = true;
    await until(() => agent.state.remainingMs !== null && agent.state.remainingMs > 0, 5_000);
  });

  it('reports a dead postmaster only when no process is left, and starts again', async () => {
    const { of } = await primary();
    const busy = await instance.client();
    const endless = busy.query('do $$ begin loop end loop; end $$').catch(() => 'broken');
    await until(() => instance.pids().length > 5, 2_000);
    const pid = agent.state.postmasterPid ?? 0;
    const killedMs = performance.now();
    process.kill(pid, 'SIGKILL');
    await until(() => agent.state.postmaster === 'down', 5_000, 1);
    const tookMs = performance.now() - killedMs;
    expect(instance.pids()).toEqual([]);
    expect(await endless).toBe('broken');
    console.log(`postmaster killed: down after ${tookMs.toFixed(0)} ms`);
    expect(agent.state.epoch).toBe(of);
    expect(agent.state.lastStop).toBe('signal SIGKILL');
    expect(await agent.start(of)).toBe('done');
    await instance.connected();
  });

  it('starts a primary also where recovery.signal was left by hand', async () => {
    const { of } = await primary();
    const left = join(instance.dataDirectory, 'recovery.signal');
    writeFileSync(left, '');
    process.kill(agent.state.postmasterPid ?? 0, 'SIGKILL');
    await until(() => agent.state.postmaster === 'down', 20_000);
    expect(await agent.start(of)).toBe('done');
    const client = await instance.connected();
    const { rows } = await client.query('select pg_is_in_recovery() as recovering');
    expect(rows).toEqual([{ recovering: false }]);
    expect(existsSync(left)).toBe(false);
  });

  it('releases only when down, and never renews the epoch again', async () => {
    const { of } = await primary();
    expect(await agent.release(of)).toBe('POSTGRES_RUNNING');
    expect(await agent.stop('fast', 5_000)).toBe('done');
    expect(await agent.release(of)).toBe('done');
    expect(controllers.requests('release')).toMatchObject([
      { epoch: of, reason: 'hand-over', position: { timeline: 1, lsn: 77n } },
    ]);
    controllers.forget();
    expect(await agent.acquire(of)).toBe('EPOCH_OVER');
    expect(await agent.start(of)).toBe('EPOCH_OVER');
    expect(controllers.requests('renew')).toEqual([]);
  });

  it('hands over: gives the epoch back with the end of WAL, once nothing is left', async () => {
    const { of, writer } = await primary();
    expect(await agent.handOver(of, 5_000)).toBe('done');
    expect(instance.pids()).toEqual([]);
    await until(() => controllers.requests('release').length > 0, 2_000);
    const [release] = controllers.requests('release');
    expect(release).toMatchObject({ epoch: of, reason: 'hand-over', position: { timeline: 1 } });
    expect(instance.endOfWal()).toBe(release?.position?.lsn);
    controllers.forget();
    expect(await agent.acquire(of)).toBe('EPOCH_OVER');
    expect(await agent.release(of)).toBe('done');
    expect(writer.acknowledged).toBeGreaterThan(20);
  });

  it('says that a fast stop takes too long, and an immediate one ends it', async () => {
    await primary();
    // A backup in progress of nobody: the postmaster waits for its walsender in vain.
    process.kill(Number(agent.state.postmasterPid), 'SIGSTOP');
    expect(await agent.stop('fast', 150)).toBe('STOP_TIMED_OUT');
    const orderedMs = performance.now();
    expect(await agent.stop('immediate')).toBe('done');
    expect(performance.now() - orderedMs).toBeLessThan(AT_ONCE_MS);
    expect(instance.pids()).toEqual([]);
  });

  it('takes PostgreSQL with it when it is killed, busy backends too', async () => {
    const { of } = await primary();
    const busy = await instance.client();
    void busy.query('do $$ begin loop end loop; end $$').catch(() => undefined);
    await until(() => instance.pids().length > 5, 2_000);
    const dead = agent.state.incarnation;
    const killedMs = performance.now();
    guard.kill('SIGKILL');
    await untilGone();
    const tookMs = performance.now() - killedMs;
    console.log(`guard killed: gone after ${tookMs.toFixed(0)} ms`);
    expect(tookMs).toBeLessThan(AT_ONCE_MS);
    // The next guard gives the dead one's lease back as soon as it hears of it.
    instance.spawnGuard(bundle.script);
    const next = await instance.attach();
    await until(() => controllers.requests('release').length > 0, 3_000);
    expect(controllers.requests('release')[0]).toMatchObject({
      epoch: of,
      incarnation: dead,
      reason: 'guard-dead',
    });
    expect(next.state.incarnation).not.toBe(dead);
  });

  it('is stopped: the fuse ends PostgreSQL before the lease does', async () => {
    const { writer } = await primary();
    guard.kill('SIGSTOP');
    const stoppedMs = performance.now();
    await writer.untilBroken();
    const deadlineMs = controllers.confirmedArrivalMs + LEASE_TTL_MS;
    await untilGone();
    const leftMs = deadlineMs - writer.lastAckMs;
    console.log(`guard stopped: last ack ${leftMs.toFixed(0)} ms before the end`);
    expect(leftMs).toBeGreaterThan(STOP_BUDGET_MS / 2 - SLACK_MS);
    expect(writer.lastAckMs - stoppedMs).toBeGreaterThan(1_000);
    guard.kill('SIGCONT');
    await until(() => agent.state.postmaster === 'down', 3_000);
    expect(instance.log()).toContain('the fuse ended postgresql');
  });

  it('is frozen with all of PostgreSQL and thawed after the lease: kills first', async () => {
    const { writer } = await primary();
    const fuse = await until(() => fusePid(instance.dataDirectory), 1_000);
    const all = [...instance.pids(), fuse, guard.pid ?? 0];
    for (const pid of all) process.kill(pid, 'SIGSTOP');
    await until(() => performance.now() > controllers.confirmedArrivalMs + 3_200, 5_000);
    const acknowledged = writer.acknowledged;
    const thawedMs = performance.now();
    for (const pid of all) process.kill(pid, 'SIGCONT');
    await untilGone();
    const tookMs = performance.now() - thawedMs;
    await writer.untilBroken();
    const after = writer.acknowledged - acknowledged;
    console.log(`thawed: ${after} further rows, gone after ${tookMs.toFixed(0)} ms`);
    expect(tookMs).toBeLessThan(AT_ONCE_MS);
    await until(() => agent.state.postmaster === 'down', 2_000);
    expect(agent.state.lastStop).toMatch(/woke-late|SIGKILL/);
  });

  it('a promotion counts as a primary from the moment before it is asked for', async () => {
    epochs += 1;
    expect(await agent.start(null)).toBe('done');
    const client = await instance.connected();
    controllers.grant(epochs, agent.state.incarnation);
    expect(await agent.acquire(epochs)).toBe('done');
    expect(await agent.promoting(epochs)).toBe('done');
    controllers.answering = false;
    const { rows } = await client.query('select pg_is_in_recovery() as standby');
    expect(rows).toEqual([{ standby: true }]);
    await untilGone();
    expect(controllers.confirmedArrivalMs + LEASE_TTL_MS - performance.now()).toBeGreaterThan(0);
  });

  it('a standby goes on when the lease that it was to be promoted with is lost', async () => {
    epochs += 1;
    expect(await agent.start(null)).toBe('done');
    await instance.connected();
    controllers.grant(epochs, agent.state.incarnation);
    expect(await agent.acquire(epochs)).toBe('done');
    controllers.refuse(epochs, 'epoch is Expired');
    await until(() => agent.state.epoch === null, 1_000);
    await until(() => agent.state.postmaster === 'running', 1_000);
    expect(await agent.promoting(epochs)).toBe('EPOCH_OVER');
  });

  it('a crash of one backend ends PostgreSQL instead of a restart that nobody knows of', async () => {
    await primary();
    const victim = await instance.client();
    const { rows } = await victim.query<{ pid: number }>('select pg_backend_pid() as pid');
    process.kill(rows[0]?.pid ?? 0, 'SIGSEGV');
    await until(() => agent.state.postmaster === 'down', 8_000);
    expect(instance.pids()).toEqual([]);
  });

  it('replaces a fuse that was killed', async () => {
    await primary();
    const before = await until(() => fusePid(instance.dataDirectory), 2_000);
    process.kill(before, 'SIGKILL');
    const after = await until(() => {
      const found = fusePid(instance.dataDirectory);
      return found !== before && found;
    }, 2_000);
    expect(after).not.toBe(before);
    expect(await agent.stop('immediate')).toBe('done');
    await until(() => fusePid(instance.dataDirectory) === null, 2_000);
  });

  it('is the only one on its data directory', async () => {
    const second = instance.spawnGuard(bundle.script);
    const exitCode = await new Promise((resolve) => second.once('exit', resolve));
    expect(exitCode).toBe(2);
    expect(instance.log()).toContain('another guard has this data directory');
    expect(await agent.start(null)).toBe('done');
  });

  it('leaves a server alone in a directory that no guard ever had, until it is stopped', async () => {
    guard.kill('SIGTERM');
    await new Promise((resolve) => guard.once('exit', resolve));
    instance.forgetGuards();
    const server = instance.startByHand();
    const refused = instance.spawnGuard(bundle.script);
    expect(await new Promise((resolve) => refused.once('exit', resolve))).toBe(3);
    expect(instance.log()).toContain('SERVER_OF_OTHERS');
    expect(instance.log()).toContain(`process ${server}`);
    const client = await instance.connected();
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
    // The refused guard left no trace by which the next would take the server for its own.
    const again = instance.spawnGuard(bundle.script);
    expect(await new Promise((resolve) => again.once('exit', resolve))).toBe(3);
    process.kill(server, 'SIGINT');
    await until(() => instance.pids().length === 0, 10_000);
    instance.spawnGuard(bundle.script);
    const next = await instance.attach();
    expect(await next.start(null)).toBe('done');
  });

  it('sweeps away a postmaster that nobody guards', async () => {
    await primary();
    const orphan = agent.state.postmasterPid;
    // Killed so that the death signal and the fuse have no say: both are what this does not rely on.
    process.kill(await until(() => fusePid(instance.dataDirectory), 1_000), 'SIGSTOP');
    process.kill(Number(orphan), 'SIGSTOP');
    guard.kill('SIGKILL');
    await new Promise((resolve) => guard.once('exit', resolve));
    expect(instance.pids().length).toBeGreaterThan(0);
    instance.spawnGuard(bundle.script);
    await instance.attach();
    expect(instance.pids()).toEqual([]);
    expect(instance.log()).toContain('processes left by a dead guard killed');
    // The dead guard's fuse would take the next postmaster for its own.
    await until(() => fusePid(instance.dataDirectory) === null, 1_000);
  });

  it('a new agent replaces the one before', async () => {
    const next = await instance.attach();
    await until(() => agent.closed, 1_000);
    expect(await next.start(null)).toBe('done');
  });

  it('ends in good order: stops PostgreSQL, gives the lease back', async () => {
    const { of } = await primary();
    guard.kill('SIGTERM');
    const exitCode = await new Promise((resolve) => guard.once('exit', resolve));
    expect(exitCode).toBe(0);
    expect(instance.pids()).toEqual([]);
    expect(controllers.requests('release')[0]).toMatchObject({ epoch: of, reason: 'shutdown' });
  });
});
