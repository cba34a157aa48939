import { describe, expect, it } from 'vitest';
import { signalAll } from '../../hosts/signal-all.ts';
import { until } from '../until.ts';
import { AT_ONCE_MS, guardRig, LEASE_TTL_MS, SLACK_MS, STOP_BUDGET_MS } from './guard-rig.ts';
import { fusePid } from './guarded-instance.ts';

describe('the end of a guard, of its fuse and of its agent', () => {
  const rig = guardRig();

  it('takes PostgreSQL with it when it is killed, busy backends too', async () => {
    const { of } = await rig.primary();
    const busy = await rig.instance.client();
    void busy.query('do $$ begin loop end loop; end $$').catch(() => undefined);
    await until(() => rig.instance.pids().length > 5, 2_000);
    const dead = rig.agent.state.incarnation;
    const killedMs = performance.now();
    rig.guard.kill('SIGKILL');
    await rig.untilGone();
    const tookMs = performance.now() - killedMs;
    console.log(`guard killed: gone after ${tookMs.toFixed(0)} ms`);
    expect(tookMs).toBeLessThan(AT_ONCE_MS);
    // The next guard gives the dead one's lease back as soon as it hears of it.
    rig.instance.spawnGuard(rig.bundle.script);
    const next = await rig.instance.attach();
    await until(() => rig.controllers.requests('release').length > 0, 3_000);
    expect(rig.controllers.requests('release')[0]).toMatchObject({
      epoch: of,
      incarnation: dead,
      reason: 'guard-dead',
    });
    expect(next.state.incarnation).not.toBe(dead);
  });

  it('is stopped: the fuse ends PostgreSQL before the lease does', async () => {
    const { writer } = await rig.primary();
    rig.guard.kill('SIGSTOP');
    const stoppedMs = performance.now();
    await writer.untilBroken();
    const deadlineMs = rig.controllers.confirmedArrivalMs + LEASE_TTL_MS;
    await rig.untilGone();
    const leftMs = deadlineMs - writer.lastAckMs;
    console.log(`guard stopped: last ack ${leftMs.toFixed(0)} ms before the end`);
    expect(leftMs).toBeGreaterThan(STOP_BUDGET_MS / 2 - SLACK_MS);
    expect(writer.lastAckMs - stoppedMs).toBeGreaterThan(1_000);
    rig.guard.kill('SIGCONT');
    await until(() => rig.agent.state.postmaster === 'down', 3_000);
    expect(rig.instance.log()).toContain('the fuse ended postgresql');
  });

  it('is frozen with all of PostgreSQL and thawed after the lease: kills first', async () => {
    const { writer } = await rig.primary();
    const fuse = await until(() => fusePid(rig.instance.dataDirectory), 1_000);
    const all = [...rig.instance.pids(), fuse, rig.guard.pid ?? 0];
    const frozen = signalAll(all, 'SIGSTOP');
    await until(() => performance.now() > rig.controllers.confirmedArrivalMs + 3_200, 5_000);
    const acknowledged = writer.acknowledged;
    const thawedMs = performance.now();
    signalAll(frozen, 'SIGCONT');
    await rig.untilGone();
    const tookMs = performance.now() - thawedMs;
    await writer.untilBroken();
    const after = writer.acknowledged - acknowledged;
    console.log(`thawed: ${after} further rows, gone after ${tookMs.toFixed(0)} ms`);
    expect(tookMs).toBeLessThan(AT_ONCE_MS);
    await until(() => rig.agent.state.postmaster === 'down', 2_000);
    expect(rig.agent.state.lastStop).toMatch(/woke-late|SIGKILL/);
  });

  it('replaces a fuse that was killed', async () => {
    await rig.primary();
    const before = await until(() => fusePid(rig.instance.dataDirectory), 2_000);
    process.kill(before, 'SIGKILL');
    const after = await until(() => {
      const found = fusePid(rig.instance.dataDirectory);
      return found !== before && found;
    }, 2_000);
    expect(after).not.toBe(before);
    expect(await rig.agent.stop('immediate')).toBe('done');
    await until(() => fusePid(rig.instance.dataDirectory) === null, 2_000);
  });

  it('is the only one on its data directory', async () => {
    const second = rig.instance.spawnGuard(rig.bundle.script);
    const exitCode = await new Promise((resolve) => second.once('exit', resolve));
    expect(exitCode).toBe(2);
    expect(rig.instance.log()).toContain('another guard has this data directory');
    expect(await rig.agent.start(null)).toBe('done');
  });

  it('a new agent replaces the one before', async () => {
    const next = await rig.instance.attach();
    await until(() => rig.agent.closed, 1_000);
    expect(await next.start(null)).toBe('done');
  });

  it('ends in good order: stops PostgreSQL, gives the lease back', async () => {
    const { of } = await rig.primary();
    rig.guard.kill('SIGTERM');
    const exitCode = await new Promise((resolve) => rig.guard.once('exit', resolve));
    expect(exitCode).toBe(0);
    expect(rig.instance.pids()).toEqual([]);
    expect(rig.controllers.requests('release')[0]).toMatchObject({ epoch: of, reason: 'shutdown' });
  });
});
