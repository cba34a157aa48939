import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lsnOf, parseLsn, timelineId } from '#libs/kernel';
import { parseTimelineHistory } from './timeline-history.ts';
import { parseWalFileName, walSegmentName, walSegmentStart } from './wal-file.ts';
import { walRangesFrom } from './wal-ranges.ts';
import { parseWaldumpLine, walPageStart, walRecordEnd } from './wal-record.ts';
import { waldumpArgv } from './waldump-command.ts';

const MB = 1_024 * 1_024;

describe('WAL files', () => {
  it.each([
    { name: '000000050000000000000004', kind: 'segment', startLsn: '0/4000000' },
    { name: '0000000500000001000000FF', kind: 'segment', startLsn: '1/FF000000' },
    { name: '000000050000000000000004.partial', kind: 'partial', startLsn: '0/4000000' },
    { name: '000000050000000000000004.00000028.backup', kind: 'backup', startLsn: '0/4000000' },
  ])('$name is a $kind at $startLsn', ({ name, kind, startLsn }) => {
    const expected = { kind, timeline: 5, startLsn: parseLsn(startLsn) };
    expect(parseWalFileName(name, 16 * MB)).toEqual(expected);
  });

  it.each([
    { name: 'archive_status' },
    { name: '00000005000000000000000' },
    { name: 'xlogtemp.1' },
  ])('$name is none', ({ name }) => {
    expect(parseWalFileName(name, 16 * MB)).toBeUndefined();
  });

  it('knows a history by its name', () => {
    expect(parseWalFileName('0000000A.history', 16 * MB)).toEqual({
      kind: 'history',
      timeline: 10,
    });
  });

  it('names the segment that holds a byte, for every segment size', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 0xffff_ffff_ffffn }),
        fc.integer({ min: 0, max: 10 }),
        (value, power) => {
          const walSegmentBytes = MB * 2 ** power;
          const name = walSegmentName(timelineId(7), lsnOf(value), walSegmentBytes);
          const startLsn = walSegmentStart(lsnOf(value), walSegmentBytes);
          const expected = { kind: 'segment', timeline: 7, startLsn };
          expect(parseWalFileName(name, walSegmentBytes)).toEqual(expected);
        },
      ),
    );
  });
});

describe('WAL records', () => {
  it('reads the lines of pg_waldump 15', () => {
    const line =
      'rmgr: Transaction len (rec/tot):     34/    34, tx:        745, lsn: 0/04017B58, ' +
      'prev 0/04017B18, desc: COMMIT 2024-01-01 10:00:00.000000 UTC';
    expect(parseWaldumpLine(line)).toEqual({
      startLsn: parseLsn('0/4017B58'),
      totalBytes: 34,
      isSegmentSwitch: false,
    });
    const cut =
      'rmgr: XLOG        len (rec/tot):     24/    24, tx:          0, lsn: 0/040000D8, prev 0/04000060, desc: SWITCH ';
    expect(parseWaldumpLine(cut)?.isSegmentSwitch).toBe(true);
    expect(parseWaldumpLine('BKPBLOCK 0 rel 1663/5/1 fork main blk 3')).toBeUndefined();
  });

  it.each([
    { why: 'aligned to 8', start: '0/4017B58', bytes: 34, end: '0/4017B80' },
    { why: 'to the end of a page', start: '0/4001FD8', bytes: 40, end: '0/4002000' },
    { why: 'over a page header', start: '0/4001FD8', bytes: 48, end: '0/4002020' },
    { why: 'over two pages', start: '0/4001FF8', bytes: 8 + 8_168 + 8, end: '0/4004020' },
    { why: 'over the longer header of a segment', start: '0/4FFFFF8', bytes: 16, end: '0/5000030' },
  ])('ends $why', ({ start, bytes, end }) => {
    const record = { startLsn: parseLsn(start), totalBytes: bytes, isSegmentSwitch: false };
    expect(walRecordEnd(record, 16 * MB)).toBe(parseLsn(end));
  });

  it('ends a switched segment at the next one', () => {
    const record = { startLsn: parseLsn('0/40000D8'), totalBytes: 24, isSegmentSwitch: true };
    expect(walRecordEnd(record, 16 * MB)).toBe(parseLsn('0/5000000'));
  });

  it('finds page starts, never below zero', () => {
    expect(walPageStart(parseLsn('0/4017B58'))).toBe(parseLsn('0/4016000'));
    expect(walPageStart(parseLsn('0/4000'), 128n)).toBe(0n);
  });
});

describe('the WAL ahead of a replayed position', () => {
  const five = parseTimelineHistory(timelineId(5), '1\t0/200\tx\n');
  const nine = parseTimelineHistory(timelineId(9), '1\t0/200\tx\n5\t0/300\tx\n');
  const stranger = parseTimelineHistory(timelineId(12), '1\t0/90\tx\n');
  const at = (timeline: number, lsn: bigint) => ({
    timeline: timelineId(timeline),
    lsn: lsnOf(lsn),
  });
  it.each([
    { from: at(1, 0x100n), histories: [], ranges: [[1, 0x100n, undefined]] },
    {
      from: at(1, 0x100n),
      histories: [five],
      ranges: [
        [1, 0x100n, 0x200n],
        [5, 0x200n, undefined],
      ],
    },
    // Forked off before the position: another branch, not where this recovery goes.
    { from: at(1, 0x201n), histories: [five], ranges: [[1, 0x201n, undefined]] },
    { from: at(1, 0x100n), histories: [stranger], ranges: [[1, 0x100n, undefined]] },
    {
      from: at(1, 0x100n),
      histories: [five, nine],
      ranges: [
        [1, 0x100n, 0x200n],
        [5, 0x200n, 0x300n],
        [9, 0x300n, undefined],
      ],
    },
    {
      from: at(5, 0x250n),
      histories: [five, nine],
      ranges: [
        [5, 0x250n, 0x300n],
        [9, 0x300n, undefined],
      ],
    },
  ])('from $from', ({ from, histories, ranges }) => {
    const found = walRangesFrom(from, histories);
    expect(found.map((range) => [range.timeline, range.startLsn, range.endLsn])).toEqual(ranges);
  });

  it('is read by pg_waldump', () => {
    const argv = waldumpArgv({
      binDirectory: '/bin',
      walDirectory: '/d/pg_wal',
      walSegmentBytes: 16 * MB,
      timeline: timelineId(10),
      startLsn: parseLsn('0/4000000'),
      endLsn: parseLsn('0/6000000'),
    });
    const where = ['--path=/d/pg_wal', '--timeline=10', '--start=0/4000000', '--end=0/6000000'];
    const segments = ['0000000A0000000000000004', '0000000A0000000000000005'];
    expect(argv).toEqual(['/bin/pg_waldump', ...where, ...segments]);
  });
});
