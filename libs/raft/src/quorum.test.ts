import { describe, expect, it } from 'vitest';
import { seededPrng } from '#libs/kernel';
import { isQuorum, reachedByQuorum, voteResult } from './quorum.ts';
import type { Membership } from './types.ts';

function membership(voters: readonly number[], outgoing: readonly number[] = []): Membership {
  return { members: [], voters, outgoing, learners: [] };
}

/** Sorts, as the paper says it: the value in the middle is on a majority. */
function naiveMajorityValue(values: readonly number[]): number {
  if (values.length === 0) return Number.MAX_SAFE_INTEGER;
  const descending = values.toSorted((a, b) => b - a);
  return descending[Math.floor(values.length / 2)] ?? 0;
}

describe('what a quorum has reached', () => {
  it.each([
    { voters: [1], reached: { 1: 7 }, expected: 7 },
    { voters: [1, 2], reached: { 1: 7, 2: 5 }, expected: 5 },
    { voters: [1, 2, 3], reached: { 1: 7, 2: 5, 3: 0 }, expected: 5 },
    { voters: [1, 2, 3, 4], reached: { 1: 7, 2: 6, 3: 5, 4: 4 }, expected: 5 },
    { voters: [1, 2, 3, 4, 5], reached: { 1: 9, 2: 9, 3: 3, 4: 2, 5: 1 }, expected: 3 },
  ])('$voters with $reached: $expected', ({ voters, reached, expected }) => {
    const values: Record<number, number> = reached;
    expect(reachedByQuorum(membership(voters), (id) => values[id] ?? 0)).toBe(expected);
  });

  it('agrees with a naive oracle for groups of 1 to 9, joint or not', () => {
    const prng = seededPrng(1);
    for (let run = 0; run < 3_000; run += 1) {
      const values = Array.from({ length: 12 }, () => prng.range(0, 6) * 4);
      const voters = Array.from({ length: prng.range(1, 9) }, (_, at) => at);
      const outgoing = Array.from({ length: prng.range(0, 9) }, (_, at) => at + 3);
      const valueAt = (id: number): number => values[id] ?? 0;
      const expected = Math.min(
        naiveMajorityValue(voters.map(valueAt)),
        naiveMajorityValue(outgoing.map(valueAt)),
      );
      const group = membership(voters, outgoing);
      expect(reachedByQuorum(group, valueAt)).toBe(expected);
      expect(isQuorum(group, (id) => valueAt(id) >= expected)).toBe(true);
      expect(isQuorum(group, (id) => valueAt(id) > expected)).toBe(false);
    }
  });
});

describe('votes', () => {
  it.each([
    { voters: [1, 2, 3], outgoing: [], yes: [1, 2], no: [], expected: 'won' },
    { voters: [1, 2, 3], outgoing: [], yes: [1], no: [2], expected: 'open' },
    { voters: [1, 2, 3], outgoing: [], yes: [1], no: [2, 3], expected: 'lost' },
    { voters: [1, 2, 3, 4], outgoing: [], yes: [1, 2], no: [], expected: 'open' },
    { voters: [1, 2, 3, 4], outgoing: [], yes: [1, 2], no: [3, 4], expected: 'lost' },
    { voters: [1, 2], outgoing: [3, 4], yes: [1, 2], no: [], expected: 'open' },
    { voters: [1, 2], outgoing: [3, 4], yes: [1, 2], no: [3], expected: 'lost' },
    { voters: [1, 2, 3], outgoing: [], yes: [1, 8, 9], no: [], expected: 'open' },
  ])(
    'of $voters and $outgoing, yes $yes, no $no: $expected',
    ({ voters, outgoing, yes, no, expected }) => {
      const votes = new Map([
        ...yes.map((id) => [id, true] as const),
        ...no.map((id) => [id, false] as const),
      ]);
      expect(voteResult(membership(voters, outgoing), votes)).toBe(expected);
    },
  );
});
