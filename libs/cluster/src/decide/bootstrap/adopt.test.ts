import { describe, expect, it } from 'vitest';
import { lsnOf, timelineId } from '#libs/kernel';
import { dataOn, holding, named, primaryOn, reportOf, Scenario, standbyAt } from '#libs/testing';
import { isTakenOver } from '../../adoption.ts';
import { goalOf } from '../../goal-of.ts';

function adopting(...names: string[]): Scenario {
  const scenario = new Scenario();
  const { state } = scenario;
  const adopt = names.map(named);
  const bootstrap = { source: null, adopt, initdbOptions: [], sql: [] };
  scenario.state = { ...state, postgres: { ...state.postgres, bootstrap } };
  return scenario;
}

function dataAt(timeline: number, lsn: bigint, change: Partial<ReturnType<typeof dataOn>> = {}) {
  const walEnd = { timeline: timelineId(timeline), lsn: lsnOf(lsn) };
  return { dataDirectory: { ...dataOn(timeline), walEnd, ...change } };
}

/** Served by an earlier system: no guard of ours can begin there. */
function running(as: 'primary' | 'standby', timeline: number, keeps?: string) {
  const postgres = { kind: 'foreign', pid: 77, standby: as === 'standby' } as const;
  const kept = keeps === undefined ? postgres : { ...postgres, keeps };
  return { dataDirectory: dataOn(timeline), guard: null, postgres: kept };
}

/** The rule and instance of each refusal of the last decision. */
function refusals(scenario: Scenario) {
  return scenario.last('ActionRefused').refusals.map(({ instance, rule }) => [instance, rule]);
}

describe('data that an earlier system left', () => {
  it('is served by the furthest, on the timeline that it has, and nothing is made', () => {
    const scenario = adopting('pg1', 'pg2')
      .hears('pg1', dataAt(3, 90n))
      .hears('pg2', dataAt(3, 100n));
    expect(scenario.hears('pg3').settle()).toContain('first-grant');
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', epoch: 1, timeline: 3 });
    expect(scenario.types).not.toContain('BootstrapStarted');
  });

  it.each([
    ['the later timeline', dataAt(2, 500n), dataAt(3, 100n)],
    [
      'the former primary among equals',
      dataAt(1, 100n),
      {
        dataDirectory: { ...dataAt(1, 100n).dataDirectory, cleanShutdown: true },
      },
    ],
  ])('prefers %s', (_what, first, second) => {
    const scenario = adopting('pg1', 'pg2').hears('pg1', first).hears('pg2', second);
    scenario.settle();
    expect(scenario.last('LeaseGranted').holder).toBe('pg2');
  });

  it('is refused when it is of two databases, naming both', () => {
    const foreign = { dataDirectory: { ...dataAt(1, 5n).dataDirectory, systemIdentifier: '42' } };
    const scenario = adopting('pg1', 'pg2').hears('pg1', dataAt(1, 100n)).hears('pg2', foreign);
    scenario.settle();
    expect(scenario.types).not.toContain('LeaseGranted');
    const [refusal] = scenario.last('ActionRefused').refusals;
    expect(refusal).toMatchObject({ instance: 'pg2', rule: 'system-identifiers-differ' });
    expect([refusal?.value, refusal?.limit].join()).toMatch(/pg2 has 42.*pg1 has 73/);
  });

  it.each([
    ['still runs', { ...dataAt(1, 100n), postgres: standbyAt(1, 100n) }, 'still-running'],
    ['has an unknown end of WAL', { dataDirectory: dataOn(1) }, 'position-unknown'],
    [
      'is the rest of something',
      { dataDirectory: { kind: 'unfinished', work: 'x' } as const },
      'no-data',
    ],
    ['has no guard', { ...dataAt(1, 100n), guard: null }, 'no-guard'],
    ['is a standby that runs without its primary', running('standby', 1), 'no-running-primary'],
  ])('is not taken while another member %s', (_what, report, rule) => {
    const scenario = adopting('pg1', 'pg2').hears('pg1', dataAt(1, 100n)).hears('pg2', report);
    scenario.settle();
    expect(scenario.types).not.toContain('LeaseGranted');
    expect(refusals(scenario)).toEqual([['pg2', rule]]);
  });

  it('is not taken before all that are named were heard: one may be further', () => {
    const scenario = adopting('pg1', 'pg2').hears('pg1', dataAt(1, 100n));
    scenario.settle();
    expect(refusals(scenario)).toEqual([['pg2', 'not-heard']]);
    expect(scenario.hears('pg2', dataAt(1, 101n)).settle()).toContain('first-grant');
    expect(scenario.last('LeaseGranted').holder).toBe('pg2');
  });

  it('is refused when there is none', () => {
    const scenario = adopting('pg1', 'pg2').hears('pg1').hears('pg2');
    scenario.settle();
    expect(refusals(scenario)).toEqual([[null, 'nothing-to-adopt']]);
  });
});

describe('PostgreSQL that an earlier system still runs', () => {
  const taken = () => {
    const scenario = adopting('pg1', 'pg2')
      .hears('pg1', running('standby', 3))
      .hears('pg2', running('primary', 3));
    expect(scenario.settle()).toContain('start-take-over');
    return scenario;
  };

  it('is restarted where it is the primary, while its standbys go on', () => {
    const scenario = taken();
    expect(scenario.last('BootstrapStarted')).toMatchObject({ initialiser: 'pg2', adopts: true });
    expect(isTakenOver(scenario.state, named('pg2'))).toBe(true);
    expect(isTakenOver(scenario.state, named('pg1'))).toBe(false);
    expect(isTakenOver(scenario.state, named('pg3'))).toBe(false);
  });

  it('makes nothing, were its data gone by then', () => {
    const { state } = taken();
    for (const name of ['pg1', 'pg2']) expect(goalOf(state, named(name)).kind).toBe('wait');
  });

  it("serves in the first epoch once it is down and a guard is there; then it is its standbys' turn", () => {
    const scenario = taken();
    scenario.hears('pg2', { guard: null, postgres: { kind: 'unresponsive', why: 'no guard' } });
    expect(scenario.settle()).toEqual([]);
    const { guard } = reportOf('pg2');
    scenario.hears('pg2', { ...dataAt(3, 100n), guard, postgres: { kind: 'stopped' } });
    expect(scenario.settle()).toContain('first-grant');
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', epoch: 1, timeline: 3 });
    expect(isTakenOver(scenario.state, named('pg1'))).toBe(false);
    scenario.hears('pg2', { guard: holding('pg2', 1), postgres: primaryOn(3, 200n) }).settle();
    expect(isTakenOver(scenario.state, named('pg1'))).toBe(true);
    expect(isTakenOver(scenario.state, named('pg2'))).toBe(false);
  });

  it.each([
    ['another is on a later timeline', dataAt(4, 5n), 'ahead-of-the-primary'],
    ['somebody starts it again', running('primary', 3, 'was started again'), 'not-taken-over'],
    ['one is silent', null, 'not-heard'],
  ])('is left alone while %s', (_what, report, rule) => {
    const scenario = adopting('pg1', 'pg2').hears('pg2', running('primary', 3));
    if (report !== null) scenario.hears('pg1', report);
    scenario.settle();
    expect(scenario.types).not.toContain('BootstrapStarted');
    expect(refusals(scenario)).toEqual([['pg1', rule]]);
  });

  it('is left alone while another primary runs, and both are named', () => {
    const scenario = adopting('pg1', 'pg2')
      .hears('pg1', running('primary', 3))
      .hears('pg2', running('primary', 3));
    scenario.settle();
    expect(scenario.types).not.toContain('BootstrapStarted');
    const [refusal] = scenario.last('ActionRefused').refusals;
    expect(refusal).toMatchObject({ instance: 'pg2', rule: 'two-primaries', limit: 'pg1 alone' });
  });

  it('is given up when somebody starts it again', () => {
    const scenario = taken();
    scenario.hears('pg2', running('primary', 3, 'it was started again')).settle();
    expect(scenario.last('BootstrapAbandoned')).toMatchObject({ reason: 'it was started again' });
    expect(refusals(scenario)).toEqual([['pg2', 'not-taken-over']]);
  });
});
