import { describe, expect, it } from 'vitest';
import { epochMs, epoch as epochOf } from '#libs/kernel';
import {
  dataOn,
  detachedAt,
  holding,
  hostLost,
  named,
  primaryOn,
  primaryVanishes,
  runningCluster,
  type Scenario,
  standbyAt,
  syncCluster,
} from '#libs/testing';
import { flapBlock } from './flap-block.ts';

const MINUTE_MS = 60_000;

describe('the anti-flap window', () => {
  it.each([
    { passedMs: 2 * MINUTE_MS - 1, blocks: true },
    { passedMs: 2 * MINUTE_MS, blocks: false },
  ])('blocks for two minutes by the leader: after $passedMs ms $blocks', ({ passedMs, blocks }) => {
    const scenario = failedOver(runningCluster()).with({ sinceFailoverMs: passedMs });
    expect(flapBlock(scenario.input)?.rule).toBe(blocks ? 'anti-flap' : undefined);
  });

  it('counts from zero with a new leader, which never heard of the failover', () => {
    const scenario = failedOver(runningCluster()).with({ servingForMs: 10_000 });
    expect(flapBlock(scenario.input)?.value).toBe('failover 1 from pg1 was 10 s ago');
  });

  it('grows when failovers follow each other, and begins anew after an hour', () => {
    const scenario = failedOver(runningCluster());
    hostLost(scenario, 'pg2');
    failedOver(scenario, { from: 'pg2', to: 'pg3', epoch: 2, timeline: 3 });
    expect(scenario.state.flapWindow).toMatchObject({ level: 2, failed: 'pg2', outage: 2 });
    scenario.with({ sinceFailoverMs: 9 * MINUTE_MS });
    expect(flapBlock(scenario.input)?.limit).toMatch(/^10 min/);
    scenario.later(61 * MINUTE_MS);
    hostLost(scenario, 'pg3');
    failedOver(scenario, { from: 'pg3', to: 'pg1', epoch: 3, timeline: 4 });
    expect(scenario.state.flapWindow).toMatchObject({ level: 1 });
  });

  it('never holds up the failover of a primary whose lease has ended or whose PostgreSQL is down', () => {
    const lost = failedOver(runningCluster()).with({ sinceFailoverMs: 1_000 });
    hostLost(lost, 'pg2');
    expect(lost.settle()).toContain('expire-lease');
    const down = failedOver(runningCluster()).with({ sinceFailoverMs: 1_000 });
    down.hears('pg3', { postgres: standbyAt(1, 80n) });
    down.hears('pg2', { postgres: { kind: 'stopped' }, downForMs: 5_000 });
    expect(down.settle()).toContain('fail-over-dead-postgres');
  });

  it('holds up the hand-over of a primary that only lacks its agent', () => {
    const scenario = failedOver(runningCluster()).with({ sinceFailoverMs: 1_000 });
    scenario.hears('pg1', {}).hears('pg3', {}).silent('pg2');
    const lease = scenario.state.lease;
    if (lease.kind === 'NeverGranted') throw new Error('pg2 was granted');
    const { epoch, guard: incarnation } = lease;
    const guard = {
      incarnation,
      epoch,
      postmaster: 'running',
      ageMs: 0,
      agentAbsentMs: 31_000,
    } as const;
    scenario.hearsGuard('pg2', guard);
    expect(scenario.settle()).toEqual(['refuse-hand-back']);
    expect(scenario.last('ActionRefused').refusals).toMatchObject([{ rule: 'anti-flap' }]);
    scenario.command({ type: 'acknowledge' });
    expect(scenario.settle()).toEqual(['accept-hand-back']);
  });

  it('holds up the fast failover of one that is unreachable: its lease is waited for', () => {
    const scenario = primaryVanishes(syncCluster()).with({ sinceFailoverMs: 1_000 });
    const { state } = scenario;
    const opened = { level: 1, failed: named('pg3'), outage: 1, openedAt: epochMs(0) };
    scenario.state = { ...state, flapWindow: { ...opened, closed: false } };
    expect(scenario.settle()).toEqual(['refuse-failover']);
    expect(scenario.last('ActionRefused').refusals).toMatchObject([{ rule: 'anti-flap' }]);
    scenario.with({ lease: { silentMs: 3_161, expiryDue: true } });
    expect(scenario.settle()).toEqual(['expire-lease']);
    scenario.state = state;
    scenario.with({ lease: { silentMs: 850, expiryDue: false } });
    expect(scenario.settle()).toEqual(['suspect-primary']);
  });

  it('takes who failed last only when nobody else can serve', () => {
    const backWith = (other: 'heard' | 'silent'): Scenario => {
      const scenario = failedOver(runningCluster()).with({ sinceFailoverMs: 1_000 });
      const back = { dataDirectory: dataOn(2, [[1, 90n]]), postgres: standbyAt(2, 100n) };
      scenario.hears('pg1', { ...back, detached: null });
      if (other === 'heard') scenario.hears('pg3', { ...back, detached: null });
      else scenario.silent('pg3');
      // A failover closes the window once everybody follows: here pg3 has only just come.
      hostLost(scenario, 'pg2');
      scenario.record([{ type: 'LeaseExpired', epoch: epochOf(2), silentMs: 1, waitMs: 1 }]);
      scenario.settle();
      if (other === 'heard') scenario.hears('pg3', { detached: detachedAt(2, 2, 100n) });
      // It is even further than the other one.
      return scenario.hears('pg1', { detached: detachedAt(2, 2, 110n) });
    };
    const choice = backWith('heard').later(1_500);
    choice.settle();
    expect(choice.last('LeaseGranted')).toMatchObject({ epoch: 3, holder: 'pg3' });
    expect(choice.last('LeaseGranted').refusals.map(({ rule }) => rule)).toContain('failed-last');
    const only = backWith('silent').later(1_500);
    only.settle();
    expect(only.last('LeaseGranted')).toMatchObject({ epoch: 3, holder: 'pg1' });
    const seen = backWith('heard');
    seen.command({ type: 'acknowledge' });
    seen.later(1_500).settle();
    expect(seen.last('LeaseGranted')).toMatchObject({ epoch: 3, holder: 'pg1' });
  });

  it('closes when every standby streams from the new primary', () => {
    const scenario = failedOver(runningCluster()).with({ sinceFailoverMs: 1_000 });
    for (const name of ['pg1', 'pg3']) {
      const dataDirectory = dataOn(2, [[1, 90n]]);
      scenario.hears(name, { dataDirectory, postgres: standbyAt(2, 100n), detached: null });
    }
    expect(scenario.settle()).toEqual(['record-followers']);
    expect(flapBlock(scenario.input)).toBeNull();
  });

  it('closes when an operator acknowledges, once', () => {
    const scenario = failedOver(runningCluster()).with({ sinceFailoverMs: 1_000 });
    expect(scenario.command({ type: 'acknowledge' })).toMatchObject({ kind: 'decided' });
    expect(flapBlock(scenario.input)).toBeNull();
    expect(scenario.command({ type: 'acknowledge' })).toMatchObject({ kind: 'satisfied' });
  });
});

describe('what is not a reason to fail over', () => {
  it.each([
    { why: 'too many connections', kind: 'unresponsive' as const },
    { why: 'password authentication failed', kind: 'unresponsive' as const },
  ])('$why', (postgres) => {
    const scenario = runningCluster().hears('pg1', { postgres, downForMs: 60_000 });
    expect(scenario.settle()).toEqual([]);
  });

  it.each([
    { policy: 'auto', stalledForMs: 59_999, expected: [] },
    { policy: 'auto', stalledForMs: 60_000, expected: ['fail-over-dead-postgres'] },
    { policy: 'restart', stalledForMs: 600_000, expected: [] },
    { policy: 'failover', stalledForMs: 0, expected: ['fail-over-dead-postgres'] },
  ] as const)(
    'a crash recovery under $policy that has not got on for $stalledForMs ms',
    ({ policy, stalledForMs, expected }) => {
      const scenario = runningCluster({ primaryCrashPolicy: policy });
      const postgres = {
        kind: 'starting',
        progress: null,
        sinceMs: 600_000,
        stalledForMs,
      } as const;
      scenario.hears('pg1', { postgres, downForMs: 600_000 });
      expect(scenario.settle()).toEqual(expected);
    },
  );

  it.each([
    { policy: 'restart', downForMs: 600_000, expected: [] },
    { policy: 'failover', downForMs: 0, expected: ['fail-over-dead-postgres'] },
  ] as const)('a dead postmaster under $policy', ({ policy, downForMs, expected }) => {
    const scenario = runningCluster({ primaryCrashPolicy: policy });
    scenario.hears('pg1', { postgres: { kind: 'stopped' }, downForMs });
    expect(scenario.settle()).toEqual(expected);
  });
});

describe("a jump of the leader's wall clock", () => {
  it('is recorded and makes no decision stale', () => {
    const scenario = runningCluster().with({ clockJumpMs: 3_600_000 });
    const { version } = scenario.state;
    scenario.record([{ type: 'ClockJumped', jumpMs: 3_600_000 }]);
    expect(scenario.state.version).toBe(version);
  });
});

/** `from` is lost, `to` serves on the next timeline. */
function failedOver(
  scenario: Scenario,
  { from, to, epoch, timeline } = { from: 'pg1', to: 'pg2', epoch: 1, timeline: 2 },
): Scenario {
  hostLost(scenario, from).settle();
  scenario.hears(to, { detached: detachedAt(epoch, timeline - 1, 90n) });
  scenario.later(1_500).settle();
  const forks = Array.from({ length: timeline - 1 }, (_, at): [number, bigint] => [at + 1, 90n]);
  const serving = { guard: holding(to, epoch + 1), postgres: primaryOn(timeline) };
  scenario.hears(to, { ...serving, dataDirectory: dataOn(timeline, forks) }).settle();
  return scenario;
}
