/** What the other cluster still did, unheard, before this one was promoted in its place. */
import type { Decision, DecisionInput } from '../../decision.ts';
import { memberNames } from '../../state.ts';
import { freshReport, ourData } from '../sight.ts';
import { unrecorded } from './standby-leader.ts';

/**
 * The other cluster changed its primary and was lost before anybody here said so: everybody stands on a timeline
 * that is not recorded, and the one who was promoted ended before it took its own. Such a timeline goes on from the
 * last recorded one, by an id of those that the promotion left free. Without it all would count as diverged, for good.
 */
export function recordLeftRemote(input: DecisionInput): Decision | null {
  const { lease, history, following } = input.state;
  if (following !== undefined || lease.kind === 'NeverGranted' || lease.kind === 'Held')
    return null;
  if (lease.reason !== 'cluster-promotion') return null;
  const last = history.at(-1)?.timeline;
  if (last === undefined || last >= lease.timeline) return null;
  const lines = memberNames(input.state).flatMap((instance) => {
    const report = freshReport(input, instance);
    const directory = report === null ? null : ourData(input, report);
    if (directory === null || directory.timeline >= lease.timeline) return [];
    if (!directory.ancestors.some(({ timeline }) => timeline === last)) return [];
    const timelines = unrecorded(history, directory) ?? [];
    return timelines.length === 0 ? [] : [{ instance, timelines, timeline: directory.timeline }];
  });
  const [furthest] = lines.sort((a, b) => b.timeline - a.timeline);
  if (furthest === undefined) return null;
  return {
    rule: 'record-left-remote',
    events: [{ type: 'RemoteTimelinesFollowed', ...furthest }],
  };
}
