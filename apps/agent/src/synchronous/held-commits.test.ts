import { expect, it } from 'vitest';
import type { SyncSetting } from '#libs/cluster';
import { heldCommits } from './held-commits.ts';

const anyOf = (count: number, ...names: string[]): SyncSetting => ({ method: 'any', count, names });
const gone = (name: string, forMs: number) => ({ name, forMs });

it('says whom commits wait for when too few of them stream, and the way out where nobody drops them', () => {
  expect(heldCommits(anyOf(1, 'a'), [gone('a', 3_000)], true)).toBe(
    'commits wait for 1 of a, and 0 of these stream: bring one back, ' +
      'or `matriarch config set --setting synchronousStrict=false`',
  );
  expect(heldCommits(anyOf(2, 'a', 'b'), [gone('b', 3_000)], false)).toBe(
    'commits wait for 2 of a, b, and 1 of these streams: bring one back',
  );
});

it.each([
  { what: 'enough stream', setting: anyOf(1, 'a', 'b'), absent: [gone('a', 60_000)] },
  { what: 'one is gone for a moment', setting: anyOf(1, 'a'), absent: [gone('a', 2_999)] },
  { what: 'another than those is gone', setting: anyOf(1, 'a'), absent: [gone('b', 60_000)] },
  { what: 'nobody is waited for', setting: undefined, absent: [] },
])('says nothing where $what', ({ setting, absent }) => {
  expect(heldCommits(setting, absent, true)).toBeNull();
});
