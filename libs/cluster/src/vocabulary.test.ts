import { describe, expect, it } from 'vitest';
import type { ClusterEvent } from './events.ts';
import { heldBackFor, problemIn, vocabularyProblem } from './vocabulary.ts';

/** Two levels: 3 brought an event, a field and a word. */
const VOCABULARY = { Old: { since: 1, reason: 1, extra: 3 }, New: { since: 3, at: 3 } };
const VALUES = { Old: { reason: { known: 1, newer: 3 } } };

const problem = (event: { readonly type: string }, level: number) =>
  problemIn(VOCABULARY, VALUES, event, level);

describe('what a group at a level may record', () => {
  it('is what all its members know', () => {
    expect(problem({ type: 'Old', ...{ reason: 'known' } }, 1)).toBeNull();
    expect(problem({ type: 'Old', ...{ reason: 'known', extra: undefined } }, 1)).toBeNull();
  });

  it.each([
    { what: "event 'New'", event: { type: 'New', at: 7 } },
    { what: "'extra' of event 'Old'", event: { type: 'Old', reason: 'known', extra: null } },
    { what: "'reason: newer' of event 'Old'", event: { type: 'Old', reason: 'newer' } },
  ])('is not yet $what, until the group has switched', ({ what, event }) => {
    expect(problem(event, 2)).toEqual({ kind: 'early', what, level: 3 });
    expect(problem(event, 3)).toBeNull();
  });

  it.each([
    { what: "event 'Later'", event: { type: 'Later' } },
    { what: "event 'constructor'", event: { type: 'constructor' } },
    { what: "'more' of event 'New'", event: { type: 'New', at: 7, more: true } },
    { what: "'reason: later' of event 'Old'", event: { type: 'Old', reason: 'later' } },
  ])('is never $what, which nobody here knows', ({ what, event }) => {
    expect(problem(event, 99)).toEqual({ kind: 'unknown', what });
  });

  it('names what is held back, the levels and the way out', () => {
    const paused: ClusterEvent = { type: 'ClusterPaused' };
    expect(vocabularyProblem(paused, 1)).toBeNull();
    expect(heldBackFor([paused], 1)).toBeNull();
    expect(heldBackFor([paused, paused], 0)).toMatch(
      /^event 'ClusterPaused' needs protocol level 1, the group is at 0: .* upgrade or remove/,
    );
  });
});
