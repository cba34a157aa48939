import { describe, expect, it } from 'vitest';
import { toClusterDefinition } from './cluster-file.ts';
import { CLUSTER_USERS, problemsOf } from './config-text.fixture.ts';
import { parseClusterFile } from './load.ts';

describe('standbyOf in cluster.yaml', () => {
  it('names servers of another cluster', () => {
    const file = `${CLUSTER_USERS}\nstandbyOf: {host: '10.1.0.11,10.1.0.12', slot: site_b}`;
    const { standbyOf } = toClusterDefinition(parseClusterFile(file, 'cluster.yaml'));
    const remote = { host: '10.1.0.11,10.1.0.12', port: 5432, slot: 'site_b', user: null };
    expect(standbyOf).toEqual(remote);
    for (const host of ["'a:5432,[fd00::1]:5433,b'", "['a:5432', '[fd00::1]:5433', b]"]) {
      const several = `${CLUSTER_USERS}\nstandbyOf: {host: ${host}}`;
      const { standbyOf: found } = toClusterDefinition(parseClusterFile(several, 'cluster.yaml'));
      expect(found).toMatchObject({ host: 'a:5432,[fd00::1]:5433,b:5432', port: 5432 });
    }
    for (const host of ['a:0', 'a:70000', '[a]:5432', 'a:5432:1', '[]', "''"]) {
      const wrong = `${CLUSTER_USERS}\nstandbyOf: {host: ${host === '[]' ? host : `'${host.replaceAll("'", '')}'`}}`;
      expect(() => parseClusterFile(wrong, 'cluster.yaml'), host).toThrow('a host name or address');
    }
    const spaced = `${CLUSTER_USERS}\nstandbyOf: {host: 'a, b'}`;
    expect(problemsOf(() => parseClusterFile(spaced, 'cluster.yaml'))[0]).toContain('no spaces');
  });

  it('names an archive alone, with nothing of a server beside it', () => {
    const file = `${CLUSTER_USERS}\nstandbyOf: {archive: pgbackrest}`;
    const { standbyOf } = toClusterDefinition(parseClusterFile(file, 'cluster.yaml'));
    expect(standbyOf).toEqual({ archive: 'pgbackrest' });
    for (const more of ['host: pg1', 'slot: site_b', 'user: me']) {
      const both = `${CLUSTER_USERS}\nstandbyOf: {archive: walg, ${more}}`;
      const [problem] = problemsOf(() => parseClusterFile(both, 'cluster.yaml'));
      expect(problem, more).toContain('leave out host, slot and user, or archive');
    }
    const neither = `${CLUSTER_USERS}\nstandbyOf: {port: 5433}`;
    const [problem] = problemsOf(() => parseClusterFile(neither, 'cluster.yaml'));
    expect(problem).toContain('standbyOf needs host, or archive');
    const unknown = `${CLUSTER_USERS}\nstandbyOf: {archive: tape}`;
    expect(problemsOf(() => parseClusterFile(unknown, 'cluster.yaml'))[0]).toContain(
      'one of pgbackrest, barman, walg, custom',
    );
  });
});
