import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AcknowledgedIds, TooManyIdsError } from './acknowledged-ids.ts';

describe('the ids of acknowledged rows', () => {
  it('are the set of those that were added, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 100_000 }), { maxLength: 200 }), (added) => {
        const ids = new AcknowledgedIds();
        for (const id of added) ids.add(id);
        const expected = [...new Set(added)].sort((a, b) => a - b);
        expect(ids.within(0, 200_000)).toEqual(expected);
        expect(ids.count).toBe(expected.length);
        expect(ids.end).toBe((expected.at(-1) ?? -1) + 1);
      }),
      { numRuns: 50 },
    );
  });

  it('are given for a half-open range', () => {
    const ids = new AcknowledgedIds();
    for (const id of [3, 4, 5, 9]) ids.add(id);
    expect(ids.within(4, 9)).toEqual([4, 5]);
  });

  it('have a limit, and meeting it is a named error', () => {
    const ids = new AcknowledgedIds(10);
    ids.add(9);
    expect(() => ids.add(10)).toThrow(TooManyIdsError);
  });
});
