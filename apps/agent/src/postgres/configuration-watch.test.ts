import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeManagedSettings } from '#libs/postgres-run';
import { dataOn, named, runningCluster } from '#libs/testing';
import { ConfigurationWatch } from './configuration-watch.ts';

const seen = {
  instance: named('pg1'),
  ...{ clients: true, directory: dataOn(1), others: false, settings: null },
};
const settings = { work_mem: '64MB', port: '5432' };
let dataDirectory: string;
let logged: string[];
let watch: ConfigurationWatch;

beforeEach(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'matriarch-data-'));
  logged = [];
  const note = (message: string, fields: object = {}): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
  };
  const refreshConfiguration = () => writeManagedSettings(dataDirectory, settings);
  watch = new ConfigurationWatch(
    { dataDirectory, refreshConfiguration },
    { info: note, warn: note },
  );
});
afterEach(() => rmSync(dataDirectory, { recursive: true }));

function byHand(name: string, text: string): void {
  writeFileSync(join(dataDirectory, name), text);
}

describe('what somebody writes into the files of an instance', () => {
  it('is taken back within ten seconds, and told', () => {
    const { state } = runningCluster();
    expect(watch.look(state, seen, 0)).toBe(true);
    expect(watch.look(state, seen, 10)).toBe(false);
    byHand('postgresql.auto.conf', "synchronous_standby_names = '*'\nlog_statement = 'all'\n");
    expect(watch.look(state, seen, 9_000)).toBe(false);
    expect(watch.look(state, seen, 10_000)).toBe(true);
    expect(logged.slice(1)).toEqual([
      'files of ours were changed by hand and are written anew {"changedFiles":["postgresql.auto.conf"]}',
    ]);
    expect(watch.problem).toBeNull();
    expect(watch.look(state, seen, 20_000)).toBe(false);
  });

  it('is taken back within a second where it is seen to be in force', () => {
    const { state } = runningCluster();
    watch.look(state, seen, 0);
    const inForce = (name: string, sourceFile: string) => ({
      ...seen,
      settings: { [name]: { value: 'x', sourceFile: join(dataDirectory, sourceFile) } },
    });
    const overridden = inForce('primary_conninfo', 'postgresql.auto.conf');
    byHand('postgresql.auto.conf', "primary_conninfo = 'x'\n");
    // Not where it may stay, nor where no file of ours can win: each look would find nothing to do.
    const others = [inForce('work_mem', 'postgresql.auto.conf'), inForce('primary_conninfo', 'x')];
    for (const other of others) expect(watch.look(state, other, 9_000)).toBe(false);
    expect(watch.look(state, overridden, 999)).toBe(false);
    expect(watch.look(state, overridden, 1_000)).toBe(true);
    expect(watch.look(state, overridden, 1_200)).toBe(false);
  });

  it('is told with its way out where it wins over the configuration and may stay', () => {
    const { state } = runningCluster();
    byHand('postgresql.auto.conf', "work_mem = '1GB'\nlog_statement = 'all'\n");
    watch.look(state, seen, 0);
    expect(watch.problem).toBe(
      "postgresql.auto.conf sets work_mem and wins over the cluster's configuration here: " +
        'ALTER SYSTEM RESET work_mem, then pg_reload_conf()',
    );
    byHand('postgresql.auto.conf', "log_statement = 'all'\n");
    watch.look(state, seen, 10_000);
    expect(watch.problem).toBeNull();
  });

  it('is left alone while the instance is in maintenance', () => {
    const scenario = runningCluster();
    scenario.command({ type: 'maintenance', instance: named('pg2'), on: true });
    watch.look(scenario.state, { ...seen, instance: named('pg2') }, 0);
    byHand('postgresql.auto.conf', "primary_conninfo = 'host=elsewhere'\n");
    expect(watch.look(scenario.state, { ...seen, instance: named('pg2') }, 60_000)).toBe(false);
  });

  it('is none of our business in the directory of another database', () => {
    const { state } = runningCluster();
    const directory = { ...dataOn(1), systemIdentifier: 'of another one' };
    expect(watch.look(state, { ...seen, directory }, 0)).toBe(false);
    expect(readdirSync(dataDirectory)).toEqual([]);
  });

  it.each([
    ['no database is the cluster’s yet', { systemIdentifier: null }, seen],
    [
      'it cannot be read',
      {},
      { ...seen, directory: { kind: 'unusable', why: 'of PostgreSQL 13' } },
    ],
    ['another system’s PostgreSQL runs there', {}, { ...seen, others: true }],
  ] as const)('is not touched while %s', (_why, known, found) => {
    const state = { ...runningCluster().state, ...known };
    expect(watch.look(state, found, 0)).toBe(false);
    expect(readdirSync(dataDirectory)).toEqual([]);
  });
});
