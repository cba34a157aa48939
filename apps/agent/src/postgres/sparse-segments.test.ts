import { expect, it } from 'vitest';
import { SparseSegments } from './sparse-segments.ts';

it('segments are made without zeros for half a minute from the turn to another upstream on', () => {
  const segments = new SparseSegments();
  expect(segments.settings(0)).toEqual({});
  segments.begin(1_000);
  expect(segments.settings(1_000)).toEqual({ wal_init_zero: 'off' });
  expect(segments.settings(30_999)).toEqual({ wal_init_zero: 'off' });
  expect(segments.settings(31_000)).toEqual({});
});

it('the next turn begins it anew', () => {
  const segments = new SparseSegments();
  segments.begin(0);
  segments.begin(20_000);
  expect(segments.settings(40_000)).toEqual({ wal_init_zero: 'off' });
});
