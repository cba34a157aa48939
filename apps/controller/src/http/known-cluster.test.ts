import { describe, expect, it } from 'vitest';
import { runningCluster } from '#libs/testing';
import type { ReadModel } from '../cluster/read-model.ts';
import { knownCluster } from './known-cluster.ts';
import { knownInstance } from './known-instance.ts';

const { state } = runningCluster();

function model(...names: string[]): ReadModel {
  return { clusterNames: names, cluster: () => null } as never;
}

describe('a name that is not known', () => {
  it.each([
    { names: [], says: 'there is none yet: `matriarch cluster create' },
    { names: ['main', 'dr'], says: "there is no cluster 'x': name one of main, dr" },
  ])('of a cluster is answered with those there are: $names', ({ names, says }) => {
    expect(() => knownCluster(model(...names), 'x')).toThrow(says);
  });

  it('of a cluster is not answered with a list without end', () => {
    const many = Array.from({ length: 13 }, (_, index) => `c${index}`);
    expect(() => knownCluster(model(...many), 'x')).toThrow(/c9 and 3 more$/);
  });

  it('of an instance is answered with the members', () => {
    expect(() => knownInstance(state, 'pg9')).toThrow(
      "'pg9' is not an instance of demo: name one of pg1, pg2, pg3",
    );
    expect(knownInstance(state, 'pg2').name).toBe('pg2');
  });
});
