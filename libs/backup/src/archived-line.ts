import type { Lsn } from '#libs/kernel';
import type { TimelineHistory } from '#libs/postgres-model';
import type { SourceFacts } from './rebuild-tool.ts';
import { segmentAt, segmentBegin, WAL_SEGMENT_BYTES } from './wal-segment.ts';

/** What an archive has of one timeline from a segment on. */
export type ArchivedRun = {
  /** End of the last segment before the first that is missing; where it was asked from when that one is. */
  readonly end: Lsn;
  /** Whether something later of this timeline is there all the same. */
  readonly goesOn: boolean;
};

export type AskRun = (timeline: number, from: Lsn) => Promise<ArchivedRun>;

type Leg = { readonly timeline: number; readonly from: Lsn; readonly until: Lsn | null };

/**
 * How far an archive leads from the first segment of a backup without a gap, along the timelines that lead to
 * the present one. The segment that a timeline was left in is the next one's to bring: who serves archives it whole.
 */
export async function followArchive(
  begin: { readonly timeline: number; readonly lsn: Lsn },
  present: TimelineHistory,
  ask: AskRun,
): Promise<Pick<SourceFacts, 'wal' | 'missing'>> {
  let wal = begin;
  for (const { timeline, from, until } of legsOf(begin, present)) {
    const { end, goesOn } = await ask(timeline, from);
    if (end > from) wal = { timeline, lsn: end };
    if (until === null ? goesOn : end < until) {
      return { wal, missing: segmentAt(timeline, end) };
    }
  }
  return { wal };
}

/** Only what has a whole segment to bring, and the present timeline. */
function legsOf(
  begin: { readonly timeline: number; readonly lsn: Lsn },
  { timeline: present, ancestors }: TimelineHistory,
): Leg[] {
  const legs: Leg[] = [];
  let from = segmentBegin(begin.lsn, WAL_SEGMENT_BYTES);
  for (const { timeline, endLsn } of ancestors) {
    if (timeline < begin.timeline) continue;
    const until = segmentBegin(endLsn, WAL_SEGMENT_BYTES);
    if (until <= from) continue;
    legs.push({ timeline, from, until });
    from = until;
  }
  return [...legs, { timeline: present, from, until: null }];
}
