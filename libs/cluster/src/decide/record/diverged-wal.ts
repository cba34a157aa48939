import type { TimelineId } from '#libs/kernel';
import type { Decision, DecisionInput } from '../../decision.ts';
import { type DivergedWal, TAKEN_TIMELINE_LEVEL } from '../../diverged-wal.ts';
import { memberNames } from '../../state.ts';
import { SKIPPED_MAX } from '../candidates/timelines.ts';
import { freshReport } from '../sight.ts';

/** What a former primary had written alone goes into the history, once. */
export function recordDivergedWal(input: DecisionInput): Decision | null {
  for (const instance of memberNames(input.state)) {
    const wal = freshReport(input, instance)?.divergedWal;
    if (wal == null || input.state.divergedWal?.[instance] === wal.keptAt) continue;
    const event = { type: 'DivergedWalKept', instance, wal, ...takenBy(input, wal) } as const;
    return { rule: 'record-diverged-wal', events: [event] };
  }
  return null;
}

/**
 * An id that no epoch was granted: after the rewind nothing but this event tells of it, and an archive may
 * hold its history and WAL already.
 */
function takenBy(
  { state, protocol }: DecisionInput,
  { to: { timeline } }: DivergedWal,
): { readonly taken?: TimelineId } {
  if ((protocol ?? 0) < TAKEN_TIMELINE_LEVEL) return {};
  const isNear = timeline <= state.highestTimeline + SKIPPED_MAX;
  return timeline > state.highestTimeline && isNear ? { taken: timeline } : {};
}
