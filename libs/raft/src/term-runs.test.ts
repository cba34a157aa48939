import { describe, expect, it } from 'vitest';
import { seededPrng } from '#libs/kernel';
import { TermRuns, UNKNOWN_TERM } from './term-runs.ts';

describe('the terms of a log', () => {
  it('are known from the base to the end, whatever was appended, truncated and compacted', () => {
    const prng = seededPrng(5);
    const runs = new TermRuns(0, 0, []);
    const terms = [0];
    let base = 0;
    let term = 1;
    for (let step = 0; step < 2_000; step += 1) {
      const last = terms.length - 1;
      const kind = prng.range(0, 9);
      if (kind < 7 || last === base) {
        if (prng.chance(0.2)) term += 1;
        terms.push(term);
        runs.append(last + 1, term);
      } else if (kind === 7) {
        const from = prng.range(base + 1, last);
        terms.length = from;
        runs.truncateFrom(from);
      } else {
        base = prng.range(base, last);
        runs.compactTo(base);
      }
      const index = prng.range(base, terms.length - 1);
      expect(runs.termOf(index)).toBe(terms[index]);
      if (base > 0) expect(runs.termOf(base - 1)).toBe(UNKNOWN_TERM);
      const bound = prng.range(0, term);
      let expected = index;
      while (expected > base && (terms[expected] ?? 0) > bound) expected -= 1;
      expect(runs.lastNotAbove(index, bound)).toBe(expected);
    }
  });
});
