import type { Lsn, TimelineId } from '#libs/kernel';
import type { TimelineHistory } from './timeline-history.ts';

/** A stretch of WAL on one timeline; without `endLsn` it goes on as far as there are records. */
export type WalRange = {
  readonly timeline: TimelineId;
  readonly startLsn: Lsn;
  readonly endLsn?: Lsn;
};

/**
 * The timelines that recovery goes along from a replayed position: as PostgreSQL does, it takes the
 * newest history that contains the replayed timeline and did not fork off before that position.
 * Histories of other branches are left out.
 */
export function walRangesFrom(
  replayed: { readonly timeline: TimelineId; readonly lsn: Lsn },
  histories: readonly TimelineHistory[],
): readonly WalRange[] {
  const goesOn = histories
    .filter((history) => {
      const fork = history.ancestors.find(({ timeline }) => timeline === replayed.timeline);
      return fork !== undefined && fork.endLsn >= replayed.lsn;
    })
    .sort((a, b) => b.timeline - a.timeline)[0];
  if (goesOn === undefined) return [{ timeline: replayed.timeline, startLsn: replayed.lsn }];
  const ranges: WalRange[] = [];
  let startLsn = replayed.lsn;
  for (const { timeline, endLsn } of goesOn.ancestors) {
    if (timeline < replayed.timeline) continue;
    ranges.push({ timeline, startLsn, endLsn });
    startLsn = endLsn;
  }
  return [...ranges, { timeline: goesOn.timeline, startLsn }];
}
