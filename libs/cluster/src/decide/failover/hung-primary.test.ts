import { describe, expect, it } from 'vitest';
import type { AgentReport, PrimaryStall } from '#libs/cluster';
import { guardIncarnation, epoch as toEpoch } from '#libs/kernel';
import {
  detachedAt,
  isDetached,
  named,
  primarySees,
  runningCluster,
  type Scenario,
  syncCluster,
} from '#libs/testing';
import { goalOf } from '../../goal-of.ts';
import { isWithdrawn } from './hung-primary.ts';

const HUNG: PrimaryStall = { of: 'wal-flush', forMs: 10_000 };

/** pg1 serves in epoch 1, its agent and guard are well, and nothing gets to its disk. */
function hung(change: Partial<AgentReport> = {}, scenario = runningCluster()): Scenario {
  return scenario.hears('pg1', { stall: HUNG, ...change });
}

function refusedBy(scenario: Scenario): string[] {
  return scenario.last('ActionRefused').refusals.map(({ rule }) => rule);
}

describe('a primary whose disk or postmaster hangs', () => {
  it.each(['wal-flush', 'connections'] as const)(
    'is failed over after hungPrimaryMs (%s), and gives nothing back that it could keep',
    (of) => {
      const scenario = hung({ stall: { of, forMs: 10_000 } });
      expect(scenario.settle()).toEqual(['fail-over-hung']);
      expect(scenario.last('FailoverStarted')).toMatchObject({
        ...{ trigger: 'primary-hung', detectMs: 10_000, excluded: ['pg1'] },
      });
      expect(goalOf(scenario.state, named('pg1'))).toMatchObject({ kind: 'yield', epoch: 1 });
      expect(isWithdrawn(scenario.state)).toBe(true);
    },
  );

  it('ends by its lease when its processes cannot be ended, and another one serves', () => {
    const scenario = hung();
    scenario.settle();
    scenario.with({ lease: { silentMs: 3_161, expiryDue: true } });
    expect(scenario.settle()).toEqual(['expire-lease']);
    scenario.hears('pg2', { detached: detachedAt(1, 1, 100n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 2, holder: 'pg2' });
    expect(isWithdrawn(scenario.state)).toBe(false);
  });

  it('is fenced by its standbys in a synchronous mode, without waiting for its lease', () => {
    const scenario = hung({}, syncCluster());
    expect(scenario.settle()).toEqual(['fail-over-hung']);
    expect(scenario.state.operation).toMatchObject({ kind: 'failover', step: 'detaching' });
    expect(goalOf(scenario.state, named('pg1'))).toMatchObject({ kind: 'yield', epoch: 1 });
    isDetached(scenario, 'pg2', 100n);
    isDetached(scenario, 'pg3', 100n).settle();
    expect(scenario.types).toContain('LeaseFenced');
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 2, reason: 'failover' });
  });

  it.each<{ given: string; change: Partial<AgentReport> }>([
    { given: 'it hangs for less', change: { stall: { of: 'wal-flush', forMs: 9_999 } } },
    { given: 'nothing stalls', change: { stall: null } },
    { given: 'its agent is of an older version', change: { stall: undefined as never } },
    {
      given: 'it is in crash recovery',
      change: { postgres: { kind: 'starting', progress: null, sinceMs: 60_000 } },
    },
    { given: 'it is being stopped', change: { postgres: { kind: 'stopping' } } },
    { given: 'its disk is full', change: { freeBytes: 1_000_000n } },
    {
      given: 'another start of its guard speaks',
      change: { guard: { incarnation: guardIncarnation('x'), epoch: null, remainingMs: null } },
    },
  ])('goes on while $given', ({ change }) => {
    expect(hung(change).settle()).toEqual([]);
  });

  it('is a hang also when its open sessions do not answer any more', () => {
    const postgres = { kind: 'unresponsive', why: 'timed-out' } as const;
    expect(hung({ postgres, downForMs: 10_000 }).settle()).toEqual(['fail-over-hung']);
  });

  it('goes on in a pause, in a failsafe promise, and with the limit set to never', () => {
    const paused = runningCluster();
    paused.command({ type: 'pause' });
    expect(hung({}, paused).settle()).toEqual([]);
    const promised = runningCluster();
    promised.hears('pg2', { promise: { epoch: toEpoch(1), remainingMs: 2_000 } });
    expect(hung({}, promised).settle()).toEqual([]);
    const never = runningCluster({ hungPrimaryMs: 0 });
    expect(hung({ stall: { of: 'connections', forMs: 3_600_000 } }, never).settle()).toEqual([]);
  });

  it('goes on, and says why, while nobody can take over', () => {
    const alone = runningCluster().silent('pg2').silent('pg3');
    expect(hung({}, alone).settle()).toEqual(['refuse-failover']);
    expect(refusedBy(alone)).toEqual(['nobody-to-take-over']);
    expect(alone.last('ActionRefused').refusals[0]?.value).toBe('no WAL gets to disk for 10000 ms');
    expect(alone.settle()).toEqual([]);
  });

  it('goes on in a synchronous mode while a loss cannot be excluded', () => {
    const scenario = syncCluster({ synchronousNodeCount: 1 });
    scenario.silent('pg3');
    // Of pg2 and pg3 one has every commit; with pg3 unheard nobody can tell which.
    const seen = primarySees(scenario, { flushed: { pg2: 100n, pg3: 100n } });
    expect(hung({ postgres: seen }, scenario).settle()).toContain('refuse-failover');
    expect(refusedBy(scenario)).toEqual(['commits-not-assured']);
    expect(scenario.types).not.toContain('FailoverStarted');
  });
});

describe('an operator who fails a hung primary over', () => {
  it('takes its lease too: what cannot be stopped cannot be given back', () => {
    const scenario = runningCluster();
    scenario.command({ type: 'failover', to: null, acceptLoss: false });
    expect(scenario.state.operation).toMatchObject({ step: 'yielding', trigger: 'operator' });
    expect(isWithdrawn(scenario.state)).toBe(true);
  });
});
