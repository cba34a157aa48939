import { describe, expect, it } from 'vitest';
import { ALONE, type ClusterSettings, NOBODY, type PostgresCondition } from '#libs/cluster';
import {
  hostLost,
  isDetached,
  keepsUp,
  nameOf,
  primarySees,
  primaryVanishes,
  type Scenario,
  syncCluster,
} from '#libs/testing';

const BOTH = { pg2: 100n, pg3: 100n };
const STRICT = { synchronousStrict: true } as const;

/** What is relied on, and the names that PostgreSQL is told to wait for. */
function standing({ state: { sync } }: Scenario) {
  const relied = sync?.committed?.members.map(({ instance }) => instance) ?? null;
  const names = sync?.ordered.names.map((name) => name.split('/')[1]).sort();
  return { relied, waitsFor: `${sync?.ordered.count} of ${names?.join(' ')}` };
}

/** Of the set of both only pg2 is left. */
function oneStandby(settings: Partial<ClusterSettings>): Scenario {
  const scenario = syncCluster(settings).silent('pg3');
  scenario.hears('pg2', { postgresEndpoint: { host: '10.0.0.2', port: 5432 } });
  keepsUp(scenario, { pg2: 100n });
  expect(standing(scenario)).toEqual({ relied: ['pg2'], waitsFor: '1 of pg2' });
  return scenario;
}

type Sees = Partial<Parameters<typeof primarySees>[1]>;

function seenBy(scenario: Scenario, sees: Sees): Extract<PostgresCondition, { kind: 'primary' }> {
  const seen = primarySees(scenario, { flushed: { pg2: 100n }, ...sees });
  if (seen.kind !== 'primary') throw new Error('not a primary');
  return seen;
}

/** One report of the primary and what is decided on it. */
function reported(scenario: Scenario, sees: Sees): readonly string[] {
  const before = scenario.types.length;
  scenario.hears('pg1', { postgres: seenBy(scenario, sees) }).settle();
  return scenario.types.slice(before);
}

const LET_GO = ['SyncSetCommitted', 'SyncSettingOrdered'];

describe('a stranger in the place of the only standby (14)', () => {
  it.each<{ why: string; sees: Sees }>([
    { why: 'beside it', sees: { twice: 'pg2' } },
    { why: "in its place, from another's address", sees: { from: { pg2: '10.0.0.9' } } },
    { why: 'in its place, from an address that its host name has not', sees: { foreign: 'pg2' } },
  ])('strict, $why: commits wait for nobody that there is until it is gone', ({ sees }) => {
    const scenario = oneStandby(STRICT);
    expect(reported(scenario, sees)).toEqual(LET_GO);
    expect(standing(scenario)).toEqual({ relied: null, waitsFor: '1 of ' });
    expect(scenario.state.sync?.ordered).toEqual(NOBODY);
    // Then the agent ends it. While it stays, nothing goes to and fro.
    expect(reported(scenario, sees)).toEqual(['SyncSettingConfirmed']);
    expect(reported(scenario, sees)).toEqual([]);
    keepsUp(scenario, { pg2: 100n });
    expect(standing(scenario)).toEqual({ relied: ['pg2'], waitsFor: '1 of pg2' });
    expect(reported(scenario, {})).toEqual([]);
  });

  it('strict: also while nothing is heard of the standby itself', () => {
    const scenario = oneStandby(STRICT).silent('pg2');
    expect(reported(scenario, { twice: 'pg2' })).toEqual(LET_GO);
    expect(scenario.state.sync?.ordered).toEqual(NOBODY);
  });

  it('strict: the standby is relied on again once it has all that was written before', () => {
    const scenario = oneStandby(STRICT);
    reported(scenario, { twice: 'pg2' });
    for (let round = 0; round < 5; round += 1) reported(scenario, { flushed: { pg2: 80n } });
    // What the stranger let go may lie in between: nobody is promoted with less.
    expect(standing(scenario).relied).toBeNull();
    keepsUp(scenario, { pg2: 90n });
    expect(standing(scenario)).toEqual({ relied: ['pg2'], waitsFor: '1 of pg2' });
  });

  it('strict: nobody takes over meanwhile but the primary itself', () => {
    const scenario = oneStandby(STRICT);
    reported(scenario, { twice: 'pg2' });
    expect(primaryVanishes(scenario).settle()).toEqual([]);
    hostLost(scenario, 'pg1').settle();
    isDetached(scenario, 'pg2', 100n).later(1_500).settle();
    expect(scenario.last('LeaseGranted').epoch).toBe(1);
    expect(scenario.last('ActionRefused').refusals.length).toBeGreaterThan(0);
  });

  it('not strict: commits go on alone', () => {
    const scenario = oneStandby({}).later(2_000);
    expect(reported(scenario, { twice: 'pg2' })).toEqual(LET_GO);
    expect(scenario.state.sync?.ordered).toEqual(ALONE);
    keepsUp(scenario, { pg2: 100n });
    expect(standing(scenario)).toEqual({ relied: ['pg2'], waitsFor: '1 of pg2' });
  });

  it('not strict, just after a change: they wait for two seconds, and not for the stranger', () => {
    const scenario = oneStandby({});
    reported(scenario, { twice: 'pg2' });
    expect(scenario.state.sync?.ordered).toEqual(NOBODY);
    reported(scenario, { twice: 'pg2' });
    scenario.later(2_000);
    reported(scenario, { twice: 'pg2' });
    expect(scenario.state.sync?.ordered).toEqual(ALONE);
    expect(standing(scenario).relied).toBeNull();
  });
});

describe('a stranger in the place of one of more (14)', () => {
  it('nobody is relied on before PostgreSQL waits for the others, and they have caught up', () => {
    const scenario = syncCluster();
    const sees = { flushed: { pg2: 80n, pg3: 100n }, twice: 'pg3' };
    expect(reported(scenario, sees)).toEqual(LET_GO);
    expect(standing(scenario)).toEqual({ relied: null, waitsFor: '1 of pg2' });
    expect(reported(scenario, sees)).toEqual(['SyncSettingConfirmed']);
    reported(scenario, { ...sees, flushed: BOTH });
    expect(standing(scenario)).toEqual({ relied: ['pg2'], waitsFor: '1 of pg2' });
  });

  it('two of one name are two that a commit waits for: the others are not relied on yet', () => {
    const scenario = syncCluster({ synchronousNodeCount: 2 });
    expect(standing(scenario)).toEqual({ relied: ['pg2', 'pg3'], waitsFor: '2 of pg2 pg3' });
    const sees = { flushed: BOTH, twice: 'pg3' };
    expect(reported(scenario, sees)).toEqual(LET_GO);
    expect(standing(scenario)).toEqual({ relied: null, waitsFor: '1 of pg2' });
    reported(scenario, sees);
    expect(standing(scenario)).toEqual({ relied: ['pg2'], waitsFor: '1 of pg2' });
  });

  it('its name is let go although an older order was never proved, and that proof counts for nothing', () => {
    const scenario = syncCluster().silent('pg3');
    keepsUp(scenario, { pg2: 100n });
    scenario.hears('pg3');
    reported(scenario, { flushed: BOTH });
    expect(standing(scenario)).toEqual({ relied: ['pg2', 'pg3'], waitsFor: '1 of pg2 pg3' });
    expect(scenario.state.sync?.confirmedAt).toBeNull();
    expect(reported(scenario, { flushed: BOTH, proved: false, twice: 'pg3' })).toEqual(LET_GO);
    expect(standing(scenario)).toEqual({ relied: null, waitsFor: '1 of pg2' });
    // It is gone before that was proved, and what the set of both has proved comes late.
    const late = seenBy(scenario, { flushed: BOTH, proved: false });
    if (late.synchronous === undefined) throw new Error('not synchronous');
    const synchronous = { ...late.synchronous, proved: true };
    expect(scenario.hears('pg1', { postgres: { ...late, synchronous } }).settle()).toEqual([]);
    expect(standing(scenario).relied).toBeNull();
    keepsUp(scenario, BOTH);
    expect(standing(scenario)).toEqual({ relied: ['pg2', 'pg3'], waitsFor: '1 of pg2 pg3' });
  });

  it('one who still asks to be let in is no stranger: it confirms nothing', () => {
    const scenario = syncCluster();
    const seen = seenBy(scenario, { flushed: BOTH, twice: 'pg3' });
    expect(seen.standbys.map(({ applicationName }) => applicationName)).toEqual(
      ['pg2', 'pg3', 'pg3'].map(nameOf),
    );
    const standbys = seen.standbys.map((each, position) =>
      position === 2 ? { ...each, state: 'startup', flushLsn: null } : each,
    );
    expect(scenario.hears('pg1', { postgres: { ...seen, standbys } }).settle()).toEqual([]);
  });
});
