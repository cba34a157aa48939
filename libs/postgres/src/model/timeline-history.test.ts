import { describe, expect, it } from 'vitest';
import { lsnOf, parseLsn, timelineId } from '#libs/kernel';
import {
  commonPoint,
  forkOf,
  formatTimelineHistory,
  isOnHistory,
  isPrefixOf,
  isSkippedTimelineText,
  parseTimelineHistory,
  skippedTimelineText,
  type TimelineHistory,
  timelineHistoryFileName,
  timelineOfHistoryFile,
} from './timeline-history.ts';

/** `1@100 2@200 5`: timeline 5, which left 2 at 0x200, which left 1 at 0x100. */
function history(text: string): TimelineHistory {
  const words = text.split(' ');
  const timeline = timelineId(Number(words.at(-1)));
  const ancestors = words.slice(0, -1).map((word) => {
    const [id, lsn] = word.split('@');
    const endLsn = lsnOf(BigInt(`0x${lsn}`));
    return { timeline: timelineId(Number(id)), endLsn, reason: 'no recovery target specified' };
  });
  return { timeline, ancestors };
}

describe('timeline history files', () => {
  it('reads what PostgreSQL writes and writes it back', () => {
    const text =
      '1\t0/3000148\tno recovery target specified\n' +
      '2\t1A/40000C8\tbefore 2000-01-01 05:00:00+05\n';
    const parsed = parseTimelineHistory(timelineId(5), text);
    expect(parsed.ancestors.map(({ timeline }) => timeline)).toEqual([1, 2]);
    expect(forkOf(parsed, timelineId(2))).toBe(parseLsn('1A/40000C8'));
    expect(formatTimelineHistory(parsed)).toBe(text);
  });

  it.each([
    { text: '1 nonsense x' },
    { text: '2\t0/100\tx\n1\t0/200\tx' },
    { text: '7\t0/100\tx' },
    { text: 'x' },
  ])('refuses $text', ({ text }) => {
    expect(() => parseTimelineHistory(timelineId(5), text)).toThrow('does not belong');
  });

  it('names files in eight hexadecimal digits', () => {
    expect(timelineHistoryFileName(timelineId(27))).toBe('0000001B.history');
    expect(timelineOfHistoryFile('0000001B.history')).toBe(27);
    expect(timelineOfHistoryFile('0000001B.history.tmp')).toBeUndefined();
    expect(timelineOfHistoryFile('000000010000000000000001')).toBeUndefined();
  });

  it('tells its own skipped ids from real histories, which may have no ancestors', () => {
    const text = skippedTimelineText(timelineId(3));
    expect(isSkippedTimelineText(text)).toBe(true);
    expect(parseTimelineHistory(timelineId(3), text).ancestors).toEqual([]);
    expect(isSkippedTimelineText('')).toBe(false);
    expect(isSkippedTimelineText(`${text}1\t0/100\tx\n`)).toBe(false);
  });
});

describe('whether an instance may go on along a history (safety 3)', () => {
  it.each([
    { a: '1', b: '1', prefix: true, common: { timeline: 1, endLsn: 'open' } },
    { a: '1', b: '1@100 2', prefix: true, common: { timeline: 1, endLsn: 0x100n } },
    { a: '1@100 2', b: '1', prefix: false, common: { timeline: 1, endLsn: 0x100n } },
    { a: '1@100 2', b: '1@100 2', prefix: true, common: { timeline: 2, endLsn: 'open' } },
    // The same id twice: two promotions of one timeline took it.
    { a: '1@100 2', b: '1@180 2', prefix: false, common: { timeline: 1, endLsn: 0x100n } },
    { a: '1@100 2', b: '1@180 5', prefix: false, common: { timeline: 1, endLsn: 0x100n } },
    { a: '1@100 2', b: '1@100 2@200 5', prefix: true, common: { timeline: 2, endLsn: 0x200n } },
    { a: '1@100 3', b: '1@100 5', prefix: false, common: { timeline: 1, endLsn: 0x100n } },
    { a: '2', b: '1@100 3', prefix: false, common: undefined },
  ])('$a along $b: $prefix', ({ a, b, prefix, common }) => {
    expect(isPrefixOf(history(a), history(b))).toBe(prefix);
    expect(commonPoint(history(a), history(b))).toEqual(common);
    expect(commonPoint(history(b), history(a))).toEqual(common);
  });

  it.each([
    { timeline: 1, lsn: 0x100n, on: true },
    { timeline: 1, lsn: 0x101n, on: false },
    { timeline: 2, lsn: 0x999n, on: true },
    { timeline: 3, lsn: 0x50n, on: false },
  ])('timeline $timeline up to $lsn is on 1@100 2: $on', ({ timeline, lsn, on }) => {
    expect(isOnHistory(history('1@100 2'), timelineId(timeline), lsnOf(lsn))).toBe(on);
  });
});
