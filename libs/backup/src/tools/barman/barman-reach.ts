import { type Lsn, lsnOf, type TimelineId, timelineId } from '#libs/kernel';
import {
  parseTimelineHistory,
  type TimelineHistory,
  timelineHistoryFileName,
} from '#libs/postgres-model';
import { type ArchivedRun, followArchive } from '../../archived-line.ts';
import type { SourceFacts } from '../../rebuild-tool.ts';
import { segmentAt, WAL_SEGMENT_BYTES } from '../../wal-segment.ts';
import type { BarmanBackup } from './barman.output.ts';

/** What `barman get-wal` prints; throws where it says no. */
export type AskWal = (file: string, options?: readonly string[]) => Promise<string>;

type Reach = Pick<SourceFacts, 'wal' | 'missing'>;

/** `--peek` ends at the first segment that is missing: more than any archive has behind a switch. */
const PEEK_SEGMENTS = '1000000';

/**
 * How far the archive leads from a backup to the present timeline without a gap: `show-backup` tells the last
 * file of the backup's timeline alone, whatever lies before it, and where nothing comes any more since the last failover.
 */
export async function reachFrom(
  backup: Pick<BarmanBackup, 'wal' | 'beginLsn' | 'timelines'>,
  present: TimelineId,
  ask: AskWal,
): Promise<Reach> {
  const { wal, beginLsn, timelines } = backup;
  if (wal === null || beginLsn === null || wal.timeline > present) return { wal };
  const begin = { timeline: wal.timeline, lsn: beginLsn };
  const run = async (timeline: number, from: Lsn): Promise<ArchivedRun> => {
    const end = await endOfRun(timeline, from, ask);
    return { end, goesOn: timeline === wal.timeline && end < wal.lsn };
  };
  if (wal.timeline < present && !timelines.includes(present)) {
    const own: TimelineHistory = { timeline: timelineId(begin.timeline), ancestors: [] };
    return { missing: timelineHistoryFileName(present), ...(await followArchive(begin, own, run)) };
  }
  const text = wal.timeline === present ? '' : await ask(timelineHistoryFileName(present));
  return followArchive(begin, parseTimelineHistory(present, text), run);
}

/** It may leap over a gap to the next group of 256: names count as long as each follows on the one before. */
async function endOfRun(timeline: number, from: Lsn, ask: AskWal): Promise<Lsn> {
  const listed = await ask(segmentAt(timeline, from), ['--peek', PEEK_SEGMENTS]);
  let end = from;
  for (const name of listed.trim().split('\n')) {
    if (name !== segmentAt(timeline, end)) break;
    end = lsnOf(end + WAL_SEGMENT_BYTES);
  }
  return end;
}
