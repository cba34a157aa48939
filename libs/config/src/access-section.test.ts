import { describe, expect, it } from 'vitest';
import { toClusterDefinition } from './cluster-file.ts';
import { CLUSTER_USERS, problemsOf } from './config-text.fixture.ts';
import { parseClusterFile } from './load.ts';

describe('who may connect, and what a role or an instance has of its own', () => {
  it('has lines of pg_ident.conf', () => {
    const file = parseClusterFile(`${CLUSTER_USERS}\npgIdent: [people alice app]`, 'cluster.yaml');
    expect(toClusterDefinition(file).postgres.pgIdent).toEqual(['people alice app']);
  });

  it('has lines and settings of a role or an instance', () => {
    const line = 'host all tests 10.9.0.0/16 scram-sha-256';
    const text = `${CLUSTER_USERS}
accessOverrides: {primary: {pgHba: [local all all peer]}, instances: {pg3: {pgHba: ['${line}']}}}
overrides: {standby: {Jit: false}, instances: {pg3: {work_mem: 64MB}}}`;
    const { postgres } = toClusterDefinition(parseClusterFile(text, 'cluster.yaml'));
    expect(postgres.accessOverrides).toEqual({
      primary: { pgHba: ['local all all peer'], pgIdent: [] },
      standby: { pgHba: [], pgIdent: [] },
      instances: { pg3: { pgHba: [line], pgIdent: [] } },
    });
    expect(postgres.overrides).toEqual({
      ...{ primary: {}, standby: { jit: 'off' } },
      instances: { pg3: { work_mem: '64MB' } },
    });
  });

  it('records none of them when nobody is told anything', () => {
    const text = `${CLUSTER_USERS}\naccessOverrides: {instances: {pg3: {}}}\noverrides: {primary: {}}`;
    const { postgres } = toClusterDefinition(parseClusterFile(text, 'cluster.yaml'));
    expect(Object.keys(postgres)).not.toContain('accessOverrides');
    expect(Object.keys(postgres)).not.toContain('overrides');
  });

  it.each([
    {
      more: 'pgHba: ["host all all 10.0.0.1 md5"]',
      says: /pgHba\[1\]: pg_hba line '.*': the address '10.0.0.1' needs a mask/,
    },
    { more: 'pgIdent: ["people alice"]', says: /pgIdent\[1\]: .*it has 2 fields/ },
    {
      more: 'accessOverrides: {instances: {pg3: {pgHba: ["local all all trust", "host all all 10.0.0.1 md5"]}}}',
      says: /line 4: accessOverrides.instances.pg3.pgHba\[2\]: pg_hba line '.*' needs a mask/,
    },
    {
      more: 'accessOverrides: {standby: {pgIdent: ["people alice"]}}',
      says: /accessOverrides.standby.pgIdent\[1\]: .*it has 2 fields/,
    },
    {
      more: 'accessOverrides: {instances: {PG3: {}}}',
      says: /'accessOverrides.instances.PG3' is {} in .* it must be a mapping of names of instances/,
    },
    {
      more: 'accessOverrides: {instances: {pg3: {hba: []}}}',
      says: /unknown key 'accessOverrides.instances.pg3.hba' .*did you mean '.*pg3.pgHba'\?/,
    },
    {
      more: 'accessOverrides: {primary: {pgHba: local all all trust}}',
      says: /'accessOverrides.primary.pgHba' is .* it must be a list of lines of pg_hba.conf$/,
    },
    {
      more: 'accessOverrides: {replica: {}}',
      says: /unknown key 'accessOverrides.replica' .*keys here are primary, standby, instances$/,
    },
    {
      more: 'overrides: {primary: {port: 5433}}',
      says: /overrides.primary.port: leave it out: it is a setting of the agent$/,
    },
  ])('refuses $more', ({ more, says }) => {
    const text = `${CLUSTER_USERS}\n${more}`;
    expect(problemsOf(() => parseClusterFile(text, 'cluster.yaml'))[0]).toMatch(says);
  });
});
