import { describe, expect, it } from 'vitest';
import {
  detachedAt,
  hostLost,
  named,
  primaryOn,
  runningCluster,
  type Scenario,
  standbyAt,
} from '#libs/testing';
import { FREE_BYTES_MIN } from './fitness.ts';
import { standingsOf } from './standing.ts';

const SERVER = {
  versionNum: 150_018,
  settings: {
    ...{ max_connections: 100, max_worker_processes: 8, max_wal_senders: 10 },
    ...{ max_prepared_transactions: 0, max_locks_per_transaction: 64 },
  },
  collation: '2.36',
};
const smaller = (name: string, value: number) => ({
  server: { ...SERVER, settings: { ...SERVER.settings, [name]: value } },
});

const UNFIT = [
  { rule: 'disk-full', change: { freeBytes: FREE_BYTES_MIN - 1n }, value: '67108863 bytes free' },
  {
    rule: 'setting-too-small',
    change: smaller('max_connections', 99),
    value: 'max_connections = 99',
  },
  {
    rule: 'setting-too-small',
    change: smaller('max_worker_processes', 4),
    value: 'max_worker_processes = 4',
  },
  {
    rule: 'setting-too-small',
    change: smaller('max_wal_senders', 2),
    value: 'max_wal_senders = 2',
  },
  {
    rule: 'setting-too-small',
    change: smaller('max_locks_per_transaction', 10),
    value: 'max_locks_per_transaction = 10',
  },
  {
    rule: 'major-version',
    change: { server: { ...SERVER, versionNum: 140_012 } },
    value: 'PostgreSQL 14',
  },
  {
    rule: 'collation-version',
    change: { server: { ...SERVER, collation: '2.31' } },
    value: '2.31',
  },
];

describe('a standby that lacks something', () => {
  it.each(UNFIT)('is refused by $rule with $value', ({ rule, change, value }) => {
    const scenario = lost(measured());
    scenario.hears('pg2', { ...change, detached: detachedAt(1, 1, 100n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) }).settle();
    const granted = scenario.last('LeaseGranted');
    expect(granted.holder).toBe('pg3');
    expect(granted.refusals).toContainEqual(
      expect.objectContaining({ instance: 'pg2', rule, value }),
    );
  });

  it.each(UNFIT)('is no target of a switchover: $rule $value', ({ rule, change }) => {
    const result = measured()
      .hears('pg2', change)
      .command({ type: 'switchover', to: named('pg2') });
    expect(result).toMatchObject({ kind: 'refused', refusals: [{ rule }] });
  });

  it.each([
    {
      rule: 'collation-version',
      change: { server: { ...SERVER, collation: '2.31' } },
      taken: true,
    },
    { rule: 'disk-full', change: { freeBytes: 1n }, taken: true },
    { rule: 'setting-too-small', change: smaller('max_connections', 99), taken: false },
  ])('an operator may take one with $rule: $taken', ({ change, taken }) => {
    const scenario = lost(measured());
    for (const name of ['pg2', 'pg3']) scenario.hears(name, change);
    scenario.command({ type: 'failover', to: named('pg2'), acceptLoss: false });
    for (const name of ['pg2', 'pg3']) scenario.hears(name, { detached: detachedAt(1, 1, 100n) });
    scenario.settle();
    expect(scenario.state.lease).toMatchObject(taken ? { holder: 'pg2' } : { kind: 'Expired' });
  });

  it('is no reason to fail over when every other is full as well', () => {
    const scenario = measured();
    for (const name of ['pg2', 'pg3']) scenario.hears(name, { freeBytes: 0n });
    scenario.hears('pg1', { postgres: { kind: 'stopped' }, downForMs: 60_000, freeBytes: 0n });
    expect(scenario.settle()).toEqual([]);
  });

  it('what an agent does not tell, or nobody measured, refuses nobody', () => {
    const scenario = lost(runningCluster());
    scenario.hears('pg2', { ...smaller('max_connections', 1), detached: detachedAt(1, 1, 100n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) }).settle();
    expect(scenario.last('LeaseGranted').holder).toBe('pg2');
  });
});

describe('the primary as candidates are compared with it', () => {
  it('is recorded once, and again when it has changed', () => {
    const scenario = measured();
    expect(scenario.last('PrimaryMeasured')).toMatchObject({ instance: 'pg1', server: SERVER });
    expect(scenario.settle()).toEqual([]);
    scenario.hears('pg1', smaller('max_connections', 200));
    expect(scenario.settle()).toEqual(['measure-primary']);
  });
});

describe('among equals', () => {
  it('the first zone wins, then the priority', () => {
    const scenario = runningCluster({ failoverZones: ['dc1', 'dc2'] });
    const tags = { noFailover: false, noLoadBalance: false };
    scenario.hears('pg2', { tags: { ...tags, failoverPriority: 9, zone: 'dc2' } });
    scenario.hears('pg3', { tags: { ...tags, failoverPriority: 1, zone: 'dc1' } }).settle();
    lost(scenario);
    for (const name of ['pg2', 'pg3']) scenario.hears(name, { detached: detachedAt(1, 1, 90n) });
    scenario.settle();
    expect(scenario.last('LeaseGranted').holder).toBe('pg3');
  });
});

describe('explain', () => {
  it('names everything against a standby while all is well, and how far it is behind', () => {
    const scenario = measured();
    const tags = { noFailover: true, noLoadBalance: false, failoverPriority: 1, zone: 'dc2' };
    const server = { ...smaller('max_connections', 50).server, versionNum: 150_017 };
    scenario.hears('pg2', { postgres: standbyAt(1, 60n), freeBytes: 0n, server, tags }).settle();
    scenario.silent('pg3');
    const [pg2, pg3] = standingsOf(scenario.input);
    expect(pg2?.refusals.map(({ rule }) => rule)).toEqual([
      'tagged-no-failover',
      'disk-full',
      'setting-too-small',
    ]);
    expect(pg2).toMatchObject({ lagBytes: 40n, zone: 'dc2' });
    expect(pg2?.remarks).toEqual(['runs 15.17, the primary 15.18']);
    expect(pg3?.refusals).toMatchObject([{ rule: 'not-heard' }]);
  });

  it('has nothing against one that could take over', () => {
    expect(standingsOf(measured().input)).toMatchObject([
      { instance: 'pg2', refusals: [], lagBytes: 0n },
      { instance: 'pg3', refusals: [] },
    ]);
  });
});

function measured(): Scenario {
  const scenario = runningCluster();
  scenario.hears('pg1', { postgres: primaryOn(1), server: SERVER }).settle();
  for (const name of ['pg2', 'pg3']) scenario.hears(name, { server: SERVER });
  return scenario;
}

function lost(scenario: Scenario): Scenario {
  hostLost(scenario, 'pg1').settle();
  return scenario;
}
