import { describe, expect, it } from 'vitest';
import {
  type ClusterConfiguration,
  DEFAULT_SETTINGS,
  DEFAULT_SLOT_POLICY,
  NO_OVERRIDES,
} from '#libs/cluster';
import { clusterName, instanceName } from '#libs/kernel';
import { ParameterCatalogs } from '#libs/leader';
import type { CatalogEntry } from '#libs/postgres-model';
import { judgeConfiguration } from './judge-configuration.ts';

const entry = (name: string, context: string): CatalogEntry => ({
  ...{ name, context, type: 'integer', unit: 'kB' },
  ...{ min: 64, max: 1_000_000, choices: null },
});
const ENTRIES = [entry('work_mem', 'user'), entry('wal_buffers', 'postmaster')];
const CATALOG = new Map(ENTRIES.map((one) => [one.name, one]));

const configuration = (change: Partial<ClusterConfiguration> = {}): ClusterConfiguration => ({
  ...{ settings: DEFAULT_SETTINGS, parameters: {}, pgHba: [], pgIdent: [] },
  overrides: NO_OVERRIDES,
  ...change,
});

describe('judgeConfiguration', () => {
  it('refuses every bad value at once, also of one instance, naming value and rule', () => {
    const overrides = { ...NO_OVERRIDES, instances: { pg2: { work_mem: '1' } } };
    const next = configuration({
      ...{ parameters: { work_mem: 'much', wrk_mem: '1' }, overrides },
      ...{ pgHba: ['hostt all all all trust'], pgIdent: ['matriarch a b'] },
    });
    expect(judgeConfiguration(CATALOG, next, configuration()).refusals).toMatchObject([
      { rule: 'pg-hba', value: 'hostt all all all trust' },
      { rule: 'pg-ident', value: 'matriarch a b' },
      { rule: 'number', value: 'work_mem = much', instance: null },
      { rule: 'unknown-parameter', value: 'wrk_mem = 1' },
      { rule: 'range', value: 'work_mem = 1', instance: 'pg2' },
    ]);
  });

  it('refuses bad access lines of a role or an instance, naming that one', () => {
    const none = { pgHba: [], pgIdent: [] };
    const accessOverrides = {
      primary: { ...none, pgHba: ['host all all all peer'] },
      standby: none,
      instances: { pg2: { ...none, pgIdent: ['people alice'] } },
    };
    const next = configuration({ accessOverrides });
    expect(judgeConfiguration(CATALOG, next, configuration()).refusals).toMatchObject([
      { rule: 'pg-hba', value: 'host all all all peer', instance: null },
      { rule: 'pg-ident', value: 'people alice', instance: 'pg2' },
    ]);
  });

  it('refuses a logical slot without wal_level = logical, and the name of a member', () => {
    const permanent = {
      feed: { type: 'logical', database: 'app', plugin: 'pgoutput' },
      pg2: { type: 'physical' },
    } as const;
    const slots = { ...DEFAULT_SLOT_POLICY, permanent };
    const next = configuration({ slots });
    const members = [instanceName('pg2')];
    expect(judgeConfiguration(CATALOG, next, configuration(), members).refusals).toMatchObject([
      { rule: 'wal-level', limit: 'wal_level = logical' },
      { rule: 'slot-name', value: 'pg2' },
    ]);
    const logical = configuration({ slots, parameters: { wal_level: 'logical' } });
    expect(judgeConfiguration(CATALOG, logical, logical).refusals).toEqual([]);
  });

  it('tells what needs a restart, given or taken away', () => {
    const present = configuration({ parameters: { wal_buffers: '1MB' } });
    const next = configuration({ parameters: { work_mem: '1MB', 'ext.some': 'x' } });
    expect(judgeConfiguration(CATALOG, next, present)).toEqual({
      refusals: [],
      needsRestart: ['wal_buffers'],
      unchecked: ['ext.some'],
    });
  });

  it('does not judge again what stands already', () => {
    const present = configuration({ parameters: { gone_since_14: 'x' } });
    const next = { ...present, parameters: { ...present.parameters, work_mem: '1MB' } };
    expect(judgeConfiguration(CATALOG, next, present).refusals).toEqual([]);
  });

  it('takes no new value before a running PostgreSQL told what it takes', () => {
    const next = configuration({ parameters: { work_mem: '1MB' } });
    expect(judgeConfiguration(null, next, configuration()).refusals).toMatchObject([
      { rule: 'catalogue-unknown', value: 'work_mem' },
    ]);
    expect(judgeConfiguration(null, configuration(), configuration()).refusals).toEqual([]);
  });
});

it('prefers the catalogue of the primary, and shares equal ones', () => {
  const [cluster, pg1, pg2] = [clusterName('a'), instanceName('pg1'), instanceName('pg2')];
  const catalogs = new ParameterCatalogs();
  expect(catalogs.of(cluster, pg1)).toBeNull();
  catalogs.learn(cluster, pg1, ENTRIES);
  catalogs.learn(cluster, pg2, ENTRIES.slice(0, 1));
  expect(catalogs.of(cluster, pg2)?.size).toBe(1);
  expect(catalogs.of(cluster, null)?.size).toBe(2);
  catalogs.learn(clusterName('b'), pg1, ENTRIES);
  expect(catalogs.of(clusterName('b'), pg1)).toBe(catalogs.of(cluster, pg1));
});
