import type { TimelineId } from '#libs/kernel';
import { timelineId } from '#libs/kernel';
import type { DecisionInput } from '../../decision.ts';
import type { ClusterState } from '../../state.ts';
import { memberNames } from '../../state.ts';
import { observed, ourData } from '../sight.ts';

/** A promotion names each id that it skips in a file: an id that is further away is nobody's of ours. */
export const SKIPPED_MAX = 1_000;

/**
 * The id of the next promotion: above every id given out (safety 3), and above those that an instance of
 * this cluster is heard to have without having been given it, after a promotion by hand, say.
 */
export function nextTimeline(input: DecisionInput): TimelineId {
  const { state } = input;
  const taken = memberNames(state).flatMap((name) => {
    const { report } = observed(input, name);
    return report === null ? [] : (ourData(input, report)?.timeline ?? []);
  });
  const near = taken.filter((id) => id <= state.highestTimeline + SKIPPED_MAX);
  return timelineId(Math.max(state.highestTimeline, ...near) + 1);
}

/** What the last holder was granted and nobody heard it take, oldest first. */
export function unrecordedTimelines({ lease, history }: ClusterState): readonly TimelineId[] {
  if (lease.kind === 'NeverGranted') return [];
  const granted = [...(lease.unrecorded ?? []), lease.timeline];
  return granted.filter((id) => !history.some(({ timeline }) => timeline === id));
}
