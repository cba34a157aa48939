import { describe, expect, it } from 'vitest';
import { DEFAULT_REBUILD_POLICY, DEFAULT_SLOT_POLICY } from '#libs/cluster';
import { toClusterDefinition } from './cluster-file.ts';
import { CLUSTER_USERS, problemsOf } from './config-text.fixture.ts';
import { parseClusterFile } from './load.ts';

describe('cluster.yaml', () => {
  it('splits into what is recorded and what is secret', () => {
    const text = `${CLUSTER_USERS}\nparameters: {Max_Connections: 50, fsync: true}\nsettings: {leaseTtlMs: 5000}`;
    const definition = toClusterDefinition(parseClusterFile(text, 'cluster.yaml'));
    expect(definition.postgres).toEqual({
      superuser: 'a',
      slots: DEFAULT_SLOT_POLICY,
      replicationUser: 'b',
      rewindUser: 'c',
      parameters: { max_connections: '50', fsync: 'on' },
      pgHba: [],
      rebuild: DEFAULT_REBUILD_POLICY,
    });
    expect(definition.credentials.replication).toEqual({ username: 'b', password: 'x' });
    expect(definition.credentials.rewind.password).toBeNull();
    expect(definition.settings).toMatchObject({
      leaseTtlMs: 5_000,
      maximumLagOnFailoverBytes: 1_048_576n,
    });
  });

  it.each([
    {
      more: 'parameters: {port: 5433}',
      says: /parameters.port: leave it out: it is a setting of the agent$/,
    },
    { more: 'parameters: {"a b": 1}', says: /the key 'a b', which is no name of a PostgreSQL/ },
    {
      more: 'settings: {leaseTtlMs: 900}',
      says: /settings.leaseTtlMs is 900: it must be at least/,
    },
    { more: 'settings: {guardKillMs: 400}', says: /less than settings.stopBudgetMs \(300\)/ },
    {
      more: 'settings: {synchronousMode: quorum, syncFenceMs: 2800}',
      says: /settings.syncFenceMs is 2800: it must be at most leaseTtlMs - stopBudgetMs \(2700\)$/,
    },
    { more: 'settings: {synchronousMode: on}', says: /must be off, priority or quorum/ },
    { more: 'settings: {leaseTTL: 900}', says: /did you mean 'settings.leaseTtlMs'\?/ },
  ])('refuses $more', ({ more, says }) => {
    expect(
      problemsOf(() => parseClusterFile(`${CLUSTER_USERS}\n${more}`, 'cluster.yaml'))[0],
    ).toMatch(says);
  });

  it('does not show a password that it refuses', () => {
    const text =
      'superuser: {username: a, password: 12345}\nreplication: {username: b}\nrewind: {username: c}';
    expect(problemsOf(() => parseClusterFile(text, 'cluster.yaml')).join()).not.toContain('12345');
  });
});
