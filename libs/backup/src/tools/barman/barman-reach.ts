import type { TimelineId } from '#libs/kernel';
import { parseTimelineHistory, timelineHistoryFileName } from '#libs/postgres-model';
import { segmentAt, walOf } from '../../wal-segment.ts';
import type { BarmanBackup } from './barman.output.ts';

/** What `barman get-wal` prints; throws where it says no. */
export type AskWal = (file: string, options?: readonly string[]) => Promise<string>;

/** `--peek` ends at the first segment that is missing: more than any archive has behind a switch. */
const PEEK_SEGMENTS = '1000000';

/**
 * How far the archive goes on the timelines that came after a backup's own: `show-backup` tells that of the
 * backup's timeline alone, where nothing comes any more since the last failover.
 *
 * @returns null where nothing is archived on them, or Barman does not know them
 */
export async function reachAfter(
  { wal, timelines }: Pick<BarmanBackup, 'wal' | 'timelines'>,
  present: TimelineId,
  ask: AskWal,
): Promise<BarmanBackup['wal']> {
  const own = wal?.timeline ?? 0;
  const later = timelines.filter((timeline) => timeline > own && timeline <= present);
  for (const timeline of later.toSorted((a, b) => b - a)) {
    const last = await lastSegmentOn(timeline, ask);
    if (last !== null) return last;
  }
  return null;
}

async function lastSegmentOn(timeline: TimelineId, ask: AskWal): Promise<BarmanBackup['wal']> {
  const text = await ask(timelineHistoryFileName(timeline));
  const begin = parseTimelineHistory(timeline, text).ancestors.at(-1)?.endLsn;
  if (begin === undefined) return null;
  const listed = await ask(segmentAt(timeline, begin), ['--peek', PEEK_SEGMENTS]);
  return walOf(listed.trim().split('\n').at(-1) ?? null);
}
