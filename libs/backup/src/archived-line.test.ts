import { describe, expect, it } from 'vitest';
import { lsnOf, parseLsn, timelineId } from '#libs/kernel';
import { parseTimelineHistory } from '#libs/postgres-model';
import { followArchive } from './archived-line.ts';
import { segmentAt, WAL_SEGMENT_BYTES, walOf } from './wal-segment.ts';

/** Backup on timeline 1 from 0/3000000; left in segment 6 for 2, that in the same segment for 5. */
const begin = { timeline: 1, lsn: parseLsn('0/3000028') };
const present = parseTimelineHistory(timelineId(5), '1\t0/6000500\tx\n2\t0/6000900\tx\n');
const whole = [
  ...['000000010000000000000003', '000000010000000000000004', '000000010000000000000005'],
  ...['000000050000000000000006', '000000050000000000000007'],
];

/** Of a set of names, as a listing tells it; keeps what was asked. */
function archiveOf(names: readonly string[], asked: string[] = []) {
  return (timeline: number, from: bigint) => {
    asked.push(segmentAt(timeline, lsnOf(from)));
    let end = from;
    while (names.includes(segmentAt(timeline, lsnOf(end)))) end += WAL_SEGMENT_BYTES;
    const goesOn = names.some((name) => {
      const last = walOf(name);
      return last?.timeline === timeline && last.lsn > end;
    });
    return Promise.resolve({ end: lsnOf(end), goesOn });
  };
}

describe('how far an archive leads from a backup', () => {
  it('is to its last segment, by timelines that have a whole segment to bring', async () => {
    const asked: string[] = [];
    const found = await followArchive(begin, present, archiveOf(whole, asked));
    expect(found).toEqual({ wal: { timeline: 5, lsn: parseLsn('0/8000000') } });
    expect(asked).toEqual(['000000010000000000000003', '000000050000000000000006']);
  });

  it.each([
    ['000000010000000000000003', 1, '0/3000028'],
    ['000000010000000000000004', 1, '0/4000000'],
    ['000000010000000000000005', 1, '0/5000000'],
    ['000000050000000000000006', 1, '0/6000000'],
  ])('ends before %s when that is missing, and names it', async (missing, timeline, lsn) => {
    const names = whole.filter((name) => name !== missing);
    const found = await followArchive(begin, present, archiveOf(names));
    expect(found).toEqual({ wal: { timeline, lsn: parseLsn(lsn) }, missing });
  });

  it('has no gap where nothing of the present timeline is whole yet', async () => {
    const found = await followArchive(begin, present, archiveOf(whole.slice(0, 3)));
    expect(found).toEqual({ wal: { timeline: 1, lsn: parseLsn('0/6000000') } });
  });

  it('begins on the present timeline when the backup was made there', async () => {
    const own = { timeline: 5, lsn: parseLsn('0/7000028') };
    const found = await followArchive(own, present, archiveOf(whole));
    expect(found).toEqual({ wal: { timeline: 5, lsn: parseLsn('0/8000000') } });
  });
});
