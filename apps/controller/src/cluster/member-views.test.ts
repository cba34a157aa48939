import { expect, it } from 'vitest';
import { heldUpTo } from './member-views.ts';

it.each([
  { what: 'answers', peer: { matchIndex: 74, recentlyActive: true }, held: 74 },
  { what: 'is away since it answered', peer: { matchIndex: 74, recentlyActive: false }, held: 74 },
  { what: 'was just added', peer: { matchIndex: 0, recentlyActive: true }, held: 0 },
  {
    what: 'was not heard by this leader',
    peer: { matchIndex: 0, recentlyActive: false },
    held: null,
  },
  { what: 'is seen by a follower', peer: undefined, held: null },
])('a member that $what is known to hold $held', ({ peer, held }) => {
  expect(heldUpTo(peer)).toBe(held);
});
