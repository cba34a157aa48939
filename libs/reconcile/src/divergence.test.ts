import { describe, expect, it } from 'vitest';
import type { TimelineRecord } from '#libs/cluster';
import { parseLsn, timelineId } from '#libs/kernel';
import {
  committedLine,
  divergenceOf,
  divergenceOfFollower,
  type OwnHistory,
} from './divergence.ts';

const first: TimelineRecord = { timeline: timelineId(1), fork: null };

function fork(timeline: number, from: number, at: string): TimelineRecord {
  return { timeline: timelineId(timeline), fork: { from: timelineId(from), lsn: parseLsn(at) } };
}

function own(timeline: number, ...ancestors: readonly [number, string][]): OwnHistory {
  return {
    timeline: timelineId(timeline),
    ancestors: ancestors.map(([id, at]) => ({ timeline: timelineId(id), forkLsn: parseLsn(at) })),
  };
}

const twice = [first, fork(2, 1, '0/5000'), fork(4, 2, '0/9000')];
/** Timeline 2 was given out and died unseen: 3 left the first one, further on. */
const skipped = [first, fork(2, 1, '0/5000'), fork(3, 1, '0/6000')];

describe('divergenceOf', () => {
  it.each([
    ['the current timeline', own(4, [1, '0/5000'], [2, '0/9000']), null, twice, 'none'],
    ['an ancestor, not past its end', own(2, [1, '0/5000']), '0/9000', twice, 'none'],
    ['an ancestor, a byte past its end', own(2, [1, '0/5000']), '0/9001', twice, 'forked'],
    ['the first, past its end', own(1), '0/5001', twice, 'forked'],
    ['an ancestor, end unread', own(1), null, twice, 'unknown'],
    ['a timeline nobody committed', own(3, [1, '0/5000']), '0/8000', twice, 'forked'],
    ['one beyond the committed ones', own(5, [1, '0/5000'], [2, '0/9000']), '0/9', twice, 'forked'],
    ['the same id from elsewhere', own(2, [1, '0/4000']), '0/4500', twice, 'impostor'],
    ['the last id, another fork', own(4, [1, '0/5000'], [2, '0/8000']), '0/9', twice, 'impostor'],
    ['the last id, a shorter line', own(4, [1, '0/5000']), '0/8000', twice, 'impostor'],
    ['the dead timeline', own(2, [1, '0/5000']), '0/5100', skipped, 'forked'],
    ['the line around the dead one', own(3, [1, '0/6000']), null, skipped, 'none'],
    ['before the fork of the line', own(1), '0/6000', skipped, 'none'],
    ['an empty history', own(1), '0/6000', [], 'unknown'],
  ] as const)('%s', (_name, history, walEnd, committed, expected) => {
    const end = walEnd === null ? null : parseLsn(walEnd);
    expect(divergenceOf(history, end, committed).kind).toBe(expected);
  });

  it('names the last common position of a fork', () => {
    expect(divergenceOf(own(3, [1, '0/4000']), null, twice)).toMatchObject({
      commonEnd: { timeline: 1, lsn: parseLsn('0/4000') },
    });
    expect(divergenceOf(own(2, [1, '0/5000']), parseLsn('0/A000'), twice)).toMatchObject({
      commonEnd: { timeline: 2, lsn: parseLsn('0/9000') },
    });
  });
});

describe('divergenceOfFollower', () => {
  it.each([
    ['ahead of the committed line', own(5, [1, '0/5000'], [2, '0/9000'], [4, '0/A000']), 'none'],
    [
      'two timelines ahead',
      own(7, [1, '0/5000'], [2, '0/9000'], [4, '0/A000'], [6, '0/B000']),
      'none',
    ],
    ['on the committed line', own(4, [1, '0/5000'], [2, '0/9000']), 'none'],
    ['beside it before its end', own(5, [1, '0/5000'], [2, '0/8000']), 'forked'],
    ['ahead from another line', own(5, [1, '0/4000'], [2, '0/9000'], [4, '0/A000']), 'impostor'],
  ] as const)('%s', (_name, history, expected) => {
    expect(divergenceOfFollower(history, parseLsn('0/A100'), twice).kind).toBe(expected);
  });
});

describe('committedLine', () => {
  it('leaves out a timeline that the last one does not descend from', () => {
    expect(committedLine(skipped)).toEqual([
      { timeline: 1, leftAt: parseLsn('0/6000') },
      { timeline: 3, leftAt: null },
    ]);
  });
});
