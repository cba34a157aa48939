/** What would lose data or destroy it, one scenario each; numbers are those of docs/safety.md. */
import { describe, expect, it } from 'vitest';
import {
  dataOn,
  detachedAt,
  holding,
  hostLost,
  named,
  primaryOn,
  runningCluster,
  type Scenario,
  standbyAt,
  walAt,
} from '#libs/testing';
import type { ReleaseReason } from '../lease-events.ts';

/** pg1's host is lost, pg2 was granted epoch 2 on timeline 2 and has not said yet that it serves. */
function granted(scenario = runningCluster()): Scenario {
  hostLost(scenario, 'pg1').settle();
  scenario.hears('pg2', { detached: detachedAt(1, 1, 95n) });
  scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) }).settle();
  expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', timeline: 2 });
  return scenario;
}

describe('timelines (3)', () => {
  it('records nothing while the files that were read are of the timeline before', () => {
    const scenario = granted();
    const serving = { guard: holding('pg2', 2), postgres: primaryOn(2) };
    expect(scenario.hears('pg2', { ...serving, dataDirectory: dataOn(1) }).settle()).toEqual([]);
    expect(scenario.hears('pg2', { dataDirectory: dataOn(2) }).settle()).toEqual([]);
    scenario.hears('pg2', { dataDirectory: dataOn(2, [[1, 95n]]) }).settle();
    expect(scenario.state.history.at(-1)).toEqual({ timeline: 2, fork: { from: 1, lsn: 95n } });
  });

  it('records the timeline of a promotion that nobody heard of with the one after it', () => {
    const scenario = granted();
    scenario.releases('guard-dead');
    const dataDirectory = dataOn(2, [[1, 95n]]);
    scenario.hears('pg2', { detached: detachedAt(2, 2, 120n), dataDirectory });
    scenario.hears('pg3', { detached: detachedAt(2, 1, 90n) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', epoch: 3, timeline: 3 });
    const line = dataOn(3, [
      [1, 95n],
      [2, 120n],
    ]);
    const serving = { guard: holding('pg2', 3), postgres: primaryOn(3), dataDirectory: line };
    scenario.hears('pg2', serving).settle();
    expect(scenario.state.history).toEqual([
      { timeline: 1, fork: null },
      { timeline: 2, fork: { from: 1, lsn: 95n } },
      { timeline: 3, fork: { from: 2, lsn: 120n } },
    ]);
  });

  it('does not take such a timeline from one that left the line before the holder could', () => {
    const scenario = granted();
    scenario.releases('guard-dead');
    scenario.silent('pg2');
    const dataDirectory = dataOn(2, [[1, 80n]]);
    scenario.hears('pg3', { detached: detachedAt(2, 2, 120n), dataDirectory }).settle();
    expect(scenario.last('LeaseGranted').epoch).toBe(2);
  });

  it('gives an old primary that lacks some of its own timeline a new one', () => {
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    const stopped = { postgres: { kind: 'stopped' }, dataDirectory: dataOn(1) } as const;
    scenario.silent('pg2').silent('pg3');
    scenario.command({ type: 'failover', to: named('pg1'), acceptLoss: true });
    scenario.hears('pg1', { ...stopped, detached: detachedAt(1, 1, 60n) });
    scenario.hears('pg2', { detached: detachedAt(1, 1, 90n) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg1', timeline: 2 });
  });
});

describe('what was last known of the lost primary (18)', () => {
  const far = { timeline: 2, lsn: 9_000_000n, ageMs: 100 } as never;

  it('counts also on a timeline that nobody recorded', () => {
    const scenario = granted().with({ lastKnown: far });
    hostLost(scenario, 'pg2').settle();
    scenario.hears('pg3', { detached: detachedAt(2, 1, 90n) }).later(1_500);
    scenario.settle();
    expect(scenario.last('LeaseGranted').epoch).toBe(2);
    expect(scenario.last('ActionRefused').refusals.map(({ rule }) => rule)).toContain('lag');
  });

  it('does not count what the cluster left for a later timeline', () => {
    const scenario = granted();
    const dataDirectory = dataOn(2, [[1, 95n]]);
    const serving = { guard: holding('pg2', 2), postgres: primaryOn(2), dataDirectory };
    scenario.hears('pg2', serving).settle();
    const left = { timeline: 1, lsn: 9_000_000n, ageMs: 60_000 } as never;
    hostLost(scenario.with({ lastKnown: left }), 'pg2').settle();
    scenario.hears('pg3', { dataDirectory, detached: detachedAt(2, 2, 99n) }).later(1_500);
    scenario.settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 3, holder: 'pg3' });
  });
});

describe('what is not known is not false (24)', () => {
  it('withdraws no promotion of an instance whose agent is not heard', () => {
    const scenario = granted().silent('pg2');
    expect(scenario.later(3_000).settle()).toEqual([]);
    scenario.hears('pg2');
    expect(scenario.settle()).toEqual(['withdraw-promotion']);
  });

  it('waits for the furthest standby while its agent is restarted', () => {
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    scenario.hears('pg2', { detached: detachedAt(1, 1, 95n) }, 1_000);
    scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) });
    expect(scenario.settle()).toEqual([]);
    scenario.hears('pg2', { detached: detachedAt(1, 1, 95n) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2' });
  });

  it('waits for it no longer than for a proof', () => {
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    scenario.hears('pg2', {}, 1_000).hears('pg3', { detached: detachedAt(1, 1, 90n) });
    expect(scenario.later(1_500).settle()).toEqual(['grant-to-candidate']);
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg3' });
  });

  it('an address that changes all the time holds up no failover', () => {
    const scenario = hostLost(runningCluster(), 'pg1');
    scenario.settle();
    scenario.hears('pg2', { detached: detachedAt(1, 1, 90n) });
    for (let port = 1; port <= 15; port += 1) {
      scenario.later(100).hears('pg3', { agentEndpoint: { host: 'pg3', port } });
      scenario.settle();
    }
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2' });
  });
});

describe('switchover (22)', () => {
  function stopped(reason: ReleaseReason, timeline: number, lsn: bigint): Scenario {
    const scenario = runningCluster();
    scenario.command({ type: 'switchover', to: named('pg3') });
    scenario.releases(reason, walAt(timeline, lsn));
    return scenario.hears('pg1', { postgres: { kind: 'stopped' } });
  }

  it('takes no target that streams another timeline', () => {
    const scenario = runningCluster().hears('pg3', { postgres: standbyAt(7, 100n) });
    const result = scenario.command({ type: 'switchover', to: named('pg3') });
    expect(result).toMatchObject({ kind: 'refused', refusals: [{ rule: 'timeline' }] });
  });

  it('believes no position of another timeline', () => {
    const scenario = stopped('hand-over', 7, 100n);
    scenario.hears('pg3', { postgres: standbyAt(1, 500n) });
    expect(scenario.settle()).toEqual(['take-back-switchover']);
  });

  it('leaves a primary that was shut down to a failover', () => {
    const scenario = stopped('shutdown', 7, 100n);
    expect(scenario.settle()).toEqual(['take-back-switchover', 'fail-over-released']);
  });

  it('waits for a primary whose guard is just being replaced', () => {
    const scenario = stopped('guard-dead', 7, 100n).hears('pg1', { guard: null });
    expect(scenario.settle()).toEqual(['take-back-switchover']);
    scenario.hears('pg1', { guard: { ...holding('pg1', 1, 'pg1-g2'), epoch: null } });
    expect(scenario.settle()).toEqual(['restart-in-place']);
  });
});
