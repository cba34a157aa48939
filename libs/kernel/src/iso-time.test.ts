import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isoTime } from './iso-time.ts';

it('is what Date says, to the second', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
      expect(isoTime(ms)).toBe(`${new Date(ms).toISOString().slice(0, 19)}Z`);
    }),
  );
  expect(isoTime(1_795_662_000_000)).toBe(
    `${new Date(1_795_662_000_000).toISOString().slice(0, 19)}Z`,
  );
});
