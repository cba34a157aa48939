import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLUSTER_HARMLESS, CLUSTER_MUTATIONS } from './cluster-bugs/index.ts';
import { projectRoot } from './project-root.ts';
import { HARMLESS, MUTATIONS } from './raft-bugs/index.ts';
import { planted, type SourcePatch } from './source-patch.ts';

const CHANGES: readonly { readonly name: string; readonly patches: readonly SourcePatch[] }[] = [
  ...[...MUTATIONS, ...HARMLESS].map((patch) => ({ name: patch.name, patches: [patch] })),
  ...CLUSTER_MUTATIONS,
  ...CLUSTER_HARMLESS,
];

/** The runs that look for them take long and are made by hand: a change of the source must not end one half way. */
describe('planted bugs', () => {
  it.each(CHANGES)('"$name" finds its place in the source', ({ patches }) => {
    const sources = new Map<string, string>();
    for (const patch of patches) {
      const before =
        sources.get(patch.file) ?? readFileSync(join(projectRoot(), patch.file), 'utf8');
      const after = planted(before, patch);
      expect(after).not.toBe(before);
      sources.set(patch.file, after);
    }
  });

  it('bear names of their own', () => {
    const names = CHANGES.map(({ name }) => name);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });
});
