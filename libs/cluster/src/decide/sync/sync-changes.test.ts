import { describe, expect, it } from 'vitest';
import type { ClusterSettings } from '#libs/cluster';
import {
  hostLost,
  isDetached,
  keepsUp,
  named,
  nameOf,
  readyStandby,
  runningCluster,
  type Scenario,
  syncCluster,
} from '#libs/testing';
import { goalOf } from '../../goal-of.ts';
import { configurationOf } from '../../revisions.ts';

/** An operator changes settings of the running cluster, and PostgreSQL follows. */
function set(scenario: Scenario, change: Partial<ClusterSettings>): Scenario {
  const present = configurationOf(scenario.state);
  const configuration = { ...present, settings: { ...present.settings, ...change } };
  const command = { type: 'configure', configuration, expectedRevision: null } as const;
  expect(scenario.command({ ...command, comment: null }).kind).toBe('decided');
  return keepsUp(scenario, { pg2: 100n, pg3: 100n });
}

function present({ state }: Scenario): { readonly waits: string; readonly relied: string | null } {
  const { ordered, committed } = state.sync ?? {};
  const names = ordered?.names.map((name) => name.split('/')[1]).sort();
  return {
    waits: `${ordered?.method} ${ordered?.count} (${names?.join(' ')})`,
    relied:
      committed == null
        ? null
        : `${committed.count} of ${committed.members.map(({ instance }) => instance).join(' ')}`,
  };
}

describe('a change of what commits wait for', () => {
  it('a higher node count waits for both, and one of them is then enough to rely on', () => {
    const scenario = syncCluster();
    expect(present(scenario)).toEqual({ waits: 'any 1 (pg2 pg3)', relied: '1 of pg2 pg3' });
    set(scenario, { synchronousNodeCount: 2 });
    expect(present(scenario)).toEqual({ waits: 'any 2 (pg2 pg3)', relied: '2 of pg2 pg3' });
    set(scenario, { synchronousNodeCount: 1 });
    expect(present(scenario)).toEqual({ waits: 'any 1 (pg2 pg3)', relied: '1 of pg2 pg3' });
  });

  it('quorum, then priority, then quorum again: what is relied on always holds', () => {
    const scenario = syncCluster();
    set(scenario, { synchronousMode: 'priority' });
    expect(present(scenario)).toEqual({ waits: 'first 1 (pg2)', relied: '1 of pg2' });
    set(scenario, { synchronousMode: 'quorum' });
    expect(present(scenario)).toEqual({ waits: 'any 1 (pg2 pg3)', relied: '1 of pg2 pg3' });
  });

  it('strict: a new primary waits for those who are gone until they are back', () => {
    const scenario = syncCluster({ synchronousStrict: true });
    for (const name of ['pg2', 'pg3']) {
      scenario.hears(name, { postgres: readyStandby(scenario, name, 100n) });
    }
    hostLost(scenario, 'pg1').settle();
    isDetached(scenario, 'pg2', 100n);
    isDetached(scenario, 'pg3', 90n).settle();
    const { holder, synchronous } = scenario.last('LeaseGranted');
    expect(holder).toBe('pg2');
    expect(synchronous?.count).toBe(1);
    expect(synchronous?.names).toContain(nameOf('pg1'));
    expect(synchronous?.names).not.toContain(nameOf('pg2'));
  });

  it('not strict: a cluster of one goes on alone, also after a restart', () => {
    const scenario = syncCluster().silent('pg2').silent('pg3');
    keepsUp(scenario, {});
    expect(present(scenario)).toEqual({ waits: 'first 0 ()', relied: null });
    // Its guard was replaced: the same instance is granted the next epoch.
    scenario.releases('guard-replaced');
    scenario.hears('pg1', { postgres: { kind: 'stopped' } }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 2, holder: 'pg1' });
    expect(goalOf(scenario.state, named('pg1'))).toMatchObject({
      ...{ kind: 'primary', synchronous: { setting: { count: 0 } } },
    });
  });
});

describe('a synchronous mode that is switched on or off', () => {
  /** An epoch that began in asynchronous mode, kept as a synchronous cluster from now on. */
  function switchedOn(): Scenario {
    const scenario = runningCluster();
    for (const name of ['pg1', 'pg2', 'pg3']) {
      scenario.hears(name, { replicationName: nameOf(name) });
    }
    scenario.settle();
    return set(scenario, { synchronousMode: 'quorum' });
  }

  it('an epoch that began without a set promised none: the next primary is who has most', () => {
    const scenario = switchedOn();
    expect(scenario.state.sync).toBeUndefined();
    hostLost(scenario, 'pg1').settle();
    isDetached(scenario, 'pg2', 90n);
    isDetached(scenario, 'pg3', 100n).settle();
    const { holder, synchronous } = scenario.last('LeaseGranted');
    expect(holder).toBe('pg3');
    // From here on commits wait.
    expect(synchronous?.names).toEqual([nameOf('pg1'), nameOf('pg2')]);
  });

  it('nor does a PostgreSQL that stays down wait for a proof that there cannot be', () => {
    const scenario = switchedOn();
    scenario.hears('pg1', { postgres: { kind: 'stopped' }, downForMs: 5_100 }).settle();
    expect(scenario.last('FailoverStarted').trigger).toBe('postgres-down');
  });

  it('off: commits wait for nobody at once, and nobody is relied on before that', () => {
    const scenario = set(syncCluster(), { synchronousMode: 'off' });
    expect(present(scenario)).toEqual({ waits: 'first 0 ()', relied: null });
    const since = scenario.types.lastIndexOf('ConfigurationChanged');
    expect(scenario.types.slice(since + 1)).toEqual([
      ...['SyncSetCommitted', 'SyncSettingOrdered', 'SyncSettingConfirmed'],
    ]);
    hostLost(scenario, 'pg1').settle();
    isDetached(scenario, 'pg2', 90n);
    isDetached(scenario, 'pg3', 100n).settle();
    expect(scenario.last('LeaseGranted').holder).toBe('pg3');
    expect(scenario.last('LeaseGranted').synchronous).toBeUndefined();
  });

  it('off while the primary is lost: what was relied on is kept', () => {
    const scenario = syncCluster();
    hostLost(scenario, 'pg1').settle();
    const present = configurationOf(scenario.state);
    const settings = { ...present.settings, synchronousMode: 'off' } as const;
    const command = { type: 'configure', expectedRevision: null, comment: null } as const;
    scenario.command({ ...command, configuration: { ...present, settings } });
    isDetached(scenario, 'pg3', 90n).settle();
    expect(scenario.last('LeaseGranted').epoch).toBe(1);
    isDetached(scenario, 'pg2', 100n).settle();
    expect(scenario.last('LeaseGranted').holder).toBe('pg2');
  });

  it('off, then on again in the same epoch: they wait again, and somebody is relied on', () => {
    const scenario = set(syncCluster(), { synchronousMode: 'off' });
    set(scenario, { synchronousMode: 'quorum' });
    expect(present(scenario)).toEqual({ waits: 'any 1 (pg2 pg3)', relied: '1 of pg2 pg3' });
  });
});
