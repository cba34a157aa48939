import { expect, it } from 'vitest';
import { detachedAt, standbyAt } from '#libs/testing';
import { LastStreamed } from './last-streamed.ts';

it('tells how long before a detachment its receiver was last seen to stream, and where (safety 18)', () => {
  const last = new LastStreamed();
  expect(last.before(null, 500)).toBeNull();
  last.looked(standbyAt(2, 90n), 1_000);
  last.looked(standbyAt(2, 90n, false), 1_400);
  last.looked({ kind: 'stopped' }, 1_800);
  last.looked(null, 2_200);
  expect(last.before(null, 5_000.4)).toEqual({ timeline: 2, beforeDetachMs: 4_000 });
});

it('says of one that is detached already what the first proof said', () => {
  const last = new LastStreamed();
  last.looked(standbyAt(1, 90n), 1_000);
  const streamed = last.before(null, 1_300);
  const detached = { ...detachedAt(1, 1, 90n), ...(streamed === null ? {} : { streamed }) };
  expect(last.before(detached, 60_000)).toEqual({ timeline: 1, beforeDetachMs: 300 });
  // An agent that was started again since has forgotten it, and does not guess.
  expect(new LastStreamed().before(detachedAt(1, 1, 90n), 60_000)).toBeNull();
});

it('does not take an hour without a receiver for an end just now', () => {
  const last = new LastStreamed();
  last.looked(standbyAt(1, 90n), 0);
  last.looked(standbyAt(1, 90n, false), 3_600_000);
  expect(last.before(null, 3_600_000)?.beforeDetachMs).toBe(3_600_000);
});
