import type { Decision, DecisionInput } from '../../decision.ts';
import type { ClusterEvent } from '../../events.ts';
import { evolve } from '../../evolve.ts';
import type { ClusterState } from '../../state.ts';

/**
 * The grant that `rule` would answer the end of a lease with, so that both are committed in one batch: the
 * outage is shorter by one write to a majority of disks. Empty when it would answer with anything else.
 */
export function grantAfter(
  input: DecisionInput,
  end: ClusterEvent,
  rule: (input: DecisionInput) => Decision | null,
): readonly ClusterEvent[] {
  const observations = { ...input.observations, sinceChangeMs: 0 };
  const after = { ...input, state: folded(input.state, end), observations };
  const events = rule(after)?.events ?? [];
  return events[0]?.type === 'LeaseGranted' ? events : [];
}

/** As if it were recorded now. */
function folded(state: ClusterState, event: ClusterEvent): ClusterState {
  return evolve(state, {
    cluster: state.name,
    sequence: state.sequence + 1,
    version: state.version + 1,
    at: state.lastEventAt,
    cause: { by: 'controller', rule: '' },
    event,
  });
}
