import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { AT_ONCE_MS, guardRig, LEASE_TTL_MS, SLACK_MS, STOP_BUDGET_MS } from './guard-rig.ts';
import { MuteClients } from './mute-clients.ts';

describe('a guard and its lease', () => {
  const rig = guardRig();

  it('refuses to start a primary without a confirmed lease', async () => {
    expect(await rig.agent.start(7)).toBe('LEASE_NOT_HELD');
    rig.controllers.answering = false;
    rig.controllers.grant(900, rig.agent.state.incarnation);
    expect(await rig.agent.start(900)).toBe('LEASE_NOT_HELD');
    expect(rig.instance.pids()).toEqual([]);
    expect(existsSync(join(rig.instance.dataDirectory, 'standby.signal'))).toBe(true);
  });

  it('renews with the leader while answers come, and carries a position', async () => {
    await rig.primary();
    rig.controllers.forget();
    await until(() => rig.controllers.requests('renew').length >= 4, 5_000);
    const renewals = rig.controllers.heard.filter(({ request }) => request.type === 'renew');
    expect(new Set(renewals.map(({ by }) => by))).toEqual(new Set(['c1']));
    expect(rig.agent.state.remainingMs).toBeGreaterThan(LEASE_TTL_MS - STOP_BUDGET_MS - 500);
    expect(rig.agent.state.postmaster).toBe('running');
    expect(await rig.agent.permitDestruction()).toBe('LEASE_HELD');
  });

  it('goes on beside an agent and controllers of a later version, and refuses what it does not know', async () => {
    const { of, writer } = await rig.primary();
    // What it says of its start has arrived then.
    const renewals = rig.controllers.requests('renew').length;
    await until(() => rig.controllers.requests('renew').length > renewals, 20_000);
    rig.controllers.forget();
    rig.controllers.later();
    expect(await rig.agent.later()).toBe('NOT_UNDERSTOOD');
    await until(() => rig.controllers.requests('renew').length >= 2, 20_000);
    // Who comes back on a new link says first who it is.
    expect(rig.controllers.requests('guardState')).toEqual([]);
    // Longer than the lease.
    await until(() => rig.controllers.requests('renew').length >= LEASE_TTL_MS / 400 + 2, 20_000);
    expect(rig.controllers.requests('renew').at(-1)).toMatchObject({ epoch: of, agentAbsentMs: 0 });
    const { acknowledged } = writer;
    await until(() => writer.acknowledged > acknowledged, 20_000);
    expect(await rig.agent.stop('fast')).toBe('done');
  });

  it('gives its lease back in order when it has no agent and the leader wants it (safety 21)', async () => {
    const { of, writer } = await rig.primary();
    rig.controllers.forget();
    rig.controllers.handBack(of);
    await until(() => rig.controllers.requests('renew').length >= 2, 5_000);
    expect(rig.agent.state).toMatchObject({ postmaster: 'running', epoch: of });
    rig.agent.socket.destroy();
    await until(() => (rig.controllers.requests('renew').at(-1)?.agentAbsentMs ?? 0) > 300, 5_000);
    rig.controllers.handBack(of);
    await writer.untilBroken();
    await until(() => rig.controllers.requests('release').length > 0, 10_000);
    const [release] = rig.controllers.requests('release');
    expect(release).toMatchObject({ epoch: of, reason: 'yielded' });
    // An orderly end: the shutdown checkpoint is its last record.
    expect(release?.position).not.toBeNull();
    expect(rig.instance.pids()).toEqual([]);
    expect(existsSync(join(rig.instance.dataDirectory, 'standby.signal'))).toBe(true);
    rig.agent = await rig.instance.attach();
    expect(await rig.agent.acquire(of)).toBe('EPOCH_OVER');
  });

  it('stops PostgreSQL at once when the leader refuses', async () => {
    const { of, writer } = await rig.primary();
    const refusedMs = performance.now();
    rig.controllers.refuse(of, 'epoch is Fenced');
    await rig.untilGone();
    const tookMs = performance.now() - refusedMs;
    await writer.untilBroken();
    console.log(`refused: gone after ${tookMs.toFixed(0)} ms`);
    expect(tookMs).toBeLessThan(AT_ONCE_MS);
    await until(() => rig.agent.state.postmaster === 'down', 1_000);
    expect(rig.agent.state.lastStop).toContain('refused');
    expect(await rig.agent.acquire(of)).toBe('EPOCH_OVER');
    expect(existsSync(join(rig.instance.dataDirectory, 'standby.signal'))).toBe(true);
  });

  it('stops PostgreSQL before the lease ends when the controllers are silent', async () => {
    const { of, writer } = await rig.primary();
    rig.controllers.answering = false;
    await writer.untilBroken();
    const deadlineMs = rig.controllers.confirmedArrivalMs + LEASE_TTL_MS;
    await rig.untilGone();
    const leftMs = deadlineMs - writer.lastAckMs;
    const goneLeftMs = deadlineMs - performance.now();
    console.log(
      `silent: last ack ${leftMs.toFixed(0)} ms, gone ${goneLeftMs.toFixed(0)} ms before`,
    );
    expect(leftMs).toBeGreaterThan(STOP_BUDGET_MS - SLACK_MS);
    expect(leftMs).toBeLessThan(STOP_BUDGET_MS + 500);
    expect(goneLeftMs).toBeGreaterThan(0);
    const toAll = rig.controllers.heard.filter(({ by }) => by === 'c3');
    expect(toAll.some(({ request }) => request.type === 'renew')).toBe(true);
    // The same epoch goes on when the controllers come back and nobody else was granted it.
    rig.controllers.answering = true;
    await until(() => (rig.agent.state.remainingMs ?? 0) > 1_000, 2_000);
    expect(await rig.agent.start(of)).toBe('done');
    await rig.instance.connected();
  });

  it('goes on without controllers while all members promise, and stops when one does not (safety 11)', async () => {
    const { of, writer } = await rig.primary();
    rig.controllers.failsafe(of, ['pg1', 'pg2', 'pg3']);
    let promising = ['pg2', 'pg3'];
    let rounds = 0;
    rig.agent.onPromisesWanted = (wanted) => {
      expect(wanted).toMatchObject({ epoch: of, members: ['pg2', 'pg3'] });
      rounds += 1;
      rig.agent.promises(wanted, promising);
    };
    rig.controllers.answering = false;
    await until(
      () => performance.now() - rig.controllers.confirmedArrivalMs > 2 * LEASE_TTL_MS,
      15_000,
    );
    expect(rounds).toBeGreaterThan(1);
    const before = writer.acknowledged;
    await until(() => writer.acknowledged > before, 5_000);
    promising = ['pg2'];
    await writer.untilBroken();
    await until(() => rig.agent.state.lastStop?.includes('deadline') === true, 10_000);
    promising = ['pg2', 'pg3'];
    await until(() => rig.agent.state.postmaster === 'down', 10_000);
    expect(await rig.agent.start(of)).toBe('LEASE_NOT_HELD');
    rig.controllers.answering = true;
    await until(
      () => rig.agent.state.remainingMs !== null && rig.agent.state.remainingMs > 0,
      5_000,
    );
  });

  it('releases only when down, and never renews the epoch again', async () => {
    const { of } = await rig.primary();
    expect(await rig.agent.release(of)).toBe('POSTGRES_RUNNING');
    expect(await rig.agent.stop('fast', 5_000)).toBe('done');
    expect(await rig.agent.release(of)).toBe('done');
    expect(rig.controllers.requests('release')).toMatchObject([
      { epoch: of, reason: 'hand-over', position: { timeline: 1, lsn: 77n } },
    ]);
    rig.controllers.forget();
    expect(await rig.agent.acquire(of)).toBe('EPOCH_OVER');
    expect(await rig.agent.start(of)).toBe('EPOCH_OVER');
    expect(rig.controllers.requests('renew')).toEqual([]);
  });

  it('hands over: gives the epoch back with the end of WAL, once nothing is left', async () => {
    const { of, writer } = await rig.primary();
    expect(await rig.agent.handOver(of, 5_000)).toBe('done');
    expect(rig.instance.pids()).toEqual([]);
    await until(() => rig.controllers.requests('release').length > 0, 2_000);
    const [release] = rig.controllers.requests('release');
    expect(release).toMatchObject({ epoch: of, reason: 'hand-over', position: { timeline: 1 } });
    expect(rig.instance.endOfWal()).toBe(release?.position?.lsn);
    rig.controllers.forget();
    expect(await rig.agent.acquire(of)).toBe('EPOCH_OVER');
    expect(await rig.agent.release(of)).toBe('done');
    expect(writer.acknowledged).toBeGreaterThan(20);
  });

  it('hands over while clients come that never say who they are', async () => {
    const { of, writer } = await rig.primary();
    await until(() => writer.acknowledged > 20, 5_000);
    const mute = new MuteClients(rig.instance.port);
    try {
      const begunMs = performance.now();
      expect(await rig.agent.handOver(of, 20_000)).toBe('done');
      expect(performance.now() - begunMs).toBeLessThan(10_000);
    } finally {
      mute.end();
    }
    expect(mute.count).toBeGreaterThan(0);
    await until(() => rig.controllers.requests('release').length > 0, 2_000);
    expect(rig.controllers.requests('release')).toMatchObject([{ reason: 'hand-over' }]);
    expect(rig.instance.endOfWal()).toBe(rig.controllers.requests('release')[0]?.position?.lsn);
  });
});
