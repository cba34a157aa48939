import { describe, expect, it } from 'vitest';
import { configExample } from './config-example.ts';
import { problemsOf } from './config-text.fixture.ts';
import { parseClusterFile } from './load.ts';

describe('where the first data directory comes from', () => {
  const parsed = (section: string) =>
    parseClusterFile(`${configExample('cluster')}\nbootstrap:\n${section}`, '/etc/cluster.yaml');

  it('is initdb without the section, and a backup with one', () => {
    expect(parseClusterFile(configExample('cluster'), '/etc/cluster.yaml').bootstrap).toBeNull();
    expect(parsed('  tool: barman\n  target: {lsn: 0/5000148}\n').bootstrap).toEqual({
      source: { tool: 'barman', target: { kind: 'lsn', value: '0/5000148' } },
      initdbOptions: [],
      sql: [],
    });
  });

  it.each([
    ['  tool: walg\n  target: {lsn: 0/1, xid: "7"}\n', 'has lsn and xid: one only'],
    ['  target: {name: here}\n', 'needs bootstrap.tool'],
    ['  adopt: [pg1]\n  sql: [SELECT 1]\n', 'adopt makes nothing'],
    ['  initdbOptions: [--pgdata=/etc]\n', "has '--pgdata=/etc'"],
    ['  tool: walg\n  initdbOptions: [--locale=C]\n', 'a backup brings its own'],
  ])('refuses %j', (section, why) => {
    expect(problemsOf(() => parsed(section)).join()).toContain(why);
  });
});
