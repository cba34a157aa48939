import type { Decision, DecisionInput } from '../../decision.ts';
import { REBUILD_WITHDRAWN_LEVEL } from '../../rebuild/rebuild-events.ts';

/**
 * Whoever serves as primary holds the data that the cluster goes on with: an order from before, or a word
 * that nothing is to be begun there, is about data that nobody has any more. Kept, it would stop the
 * instance once it is a standby again.
 */
export function withdrawRebuild({ state, protocol }: DecisionInput): Decision | null {
  if ((protocol ?? 0) < REBUILD_WITHDRAWN_LEVEL) return null;
  const { lease, rebuilds = {} } = state;
  if (lease.kind !== 'Held' || !lease.serving || rebuilds[lease.holder] === undefined) return null;
  const reason = `it serves as primary on timeline ${lease.timeline}`;
  const event = { type: 'RebuildWithdrawn', instance: lease.holder, reason } as const;
  return { rule: 'withdraw-rebuild', events: [event] };
}
