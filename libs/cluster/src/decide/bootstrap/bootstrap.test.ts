import { describe, expect, it } from 'vitest';
import { dataOn, holding, named, primaryOn, runningCluster, Scenario } from '#libs/testing';
import { goalOf } from '../../goal-of.ts';

describe('bootstrap', () => {
  it('initialises one instance, grants it the first epoch and lets the others follow', () => {
    const scenario = new Scenario();
    scenario.hears('pg2').settle();
    expect(goalOf(scenario.state, named('pg2')).kind).toBe('initialise');
    scenario
      .hears('pg1')
      .hears('pg2', { dataDirectory: dataOn(1) })
      .settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 1, holder: 'pg2', timeline: 1 });
    expect(goalOf(scenario.state, named('pg1')).kind).toBe('wait');
    scenario.hears('pg2', { guard: holding('pg2', 1), postgres: primaryOn(1) }).settle();
    expect(scenario.last('Promoted')).toMatchObject({ instance: 'pg2', fork: null });
    expect(goalOf(scenario.state, named('pg1'))).toMatchObject({
      kind: 'standby',
      upstream: { name: 'pg2' },
    });
  });

  it('never initialises beside a data directory that holds something', () => {
    const scenario = new Scenario();
    scenario
      .hears('pg1', { dataDirectory: dataOn(1) })
      .hears('pg2')
      .settle();
    expect(scenario.types).not.toContain('BootstrapStarted');
    expect(scenario.last('ActionRefused').refusals[0]).toMatchObject({
      instance: 'pg1',
      rule: 'data-directory-not-empty',
    });
  });

  it('gives a failed initialiser up and takes another', () => {
    const scenario = new Scenario();
    scenario.hears('pg1').settle();
    scenario.hears('pg1', { problem: 'initdb: no space left on device' }).hears('pg2').settle();
    expect(scenario.last('BootstrapAbandoned')).toMatchObject({ instance: 'pg1' });
    expect(scenario.last('BootstrapStarted')).toMatchObject({ initialiser: 'pg2' });
  });

  it('rests once every instance has failed, longer each time', () => {
    const scenario = new Scenario();
    const problem = 'wal-g has no backup LATEST';
    scenario.hears('pg1').settle();
    scenario.hears('pg1', { problem }).settle();
    expect(scenario.last('BootstrapAbandoned')).toMatchObject({ instance: 'pg1', reason: problem });
    scenario.hears('pg1', { problem: null });
    expect(scenario.later(4_900).hears('pg1').settle()).toEqual([]);
    expect(scenario.later(200).hears('pg1').settle()).toEqual(['start-bootstrap']);
    scenario.hears('pg1', { problem }).settle();
    scenario.hears('pg1', { problem: null });
    expect(scenario.later(9_900).hears('pg1').settle()).toEqual([]);
    expect(scenario.later(200).hears('pg1').settle()).toEqual(['start-bootstrap']);
  });

  it('waits for a restore as long as its agent works on it, and for initdb two minutes', () => {
    const source = { tool: 'pgbackrest', target: null } as const;
    const [restoring, initialising] = [new Scenario(), new Scenario()];
    const bootstrap = { source, initdbOptions: [], sql: [] };
    const { state } = restoring;
    restoring.state = { ...state, postgres: { ...state.postgres, bootstrap } };
    for (const scenario of [restoring, initialising]) scenario.hears('pg1').settle();
    expect(restoring.later(3_600_000).hears('pg1').settle()).toEqual([]);
    expect(initialising.later(121_000).hears('pg1').settle()).toContain('abandon-bootstrap');
  });

  it('does not let an instance with another system identifier join', () => {
    const scenario = runningCluster();
    const foreign = { ...dataOn(1), systemIdentifier: '42' };
    scenario.hears('pg4', { dataDirectory: foreign }).settle();
    expect(scenario.state.members['pg4']).toBeUndefined();
  });
});
