import type { InstanceName } from '#libs/kernel';
import type { Decision, DecisionInput } from '../../decision.ts';
import type { ClusterEvent } from '../../events.ts';
import { rootOf } from '../../remote/following.ts';
import { wantedUpstreams } from '../../replication/upstream.ts';
import { freshReport, isSilent } from '../sight.ts';

/** After it was lost, or the primary changed, an upstream must have been well for this long. */
const SETTLE_MS = 2_000;

/**
 * Which standbys others may stream from: those that stream on the primary's timeline themselves. One
 * that is lost sends its followers to the primary; once it is back they return.
 */
export function watchUpstreams(input: DecisionInput): Decision | null {
  const { state, observations } = input;
  const { operation, readyUpstreams = [] } = state;
  const root = rootOf(state);
  if (root === null || operation.kind !== 'none') return null;
  const events = wantedUpstreams(state).flatMap((instance): ClusterEvent[] => {
    if (instance === root) return [];
    if (!readyUpstreams.includes(instance)) {
      const settled = observations.sinceChangeMs >= SETTLE_MS;
      return settled && streams(input, instance) ? [{ type: 'UpstreamReady', instance }] : [];
    }
    const reason = whyLost(input, instance);
    return reason === null ? [] : [{ type: 'UpstreamLost', instance, reason }];
  });
  return events.length === 0 ? null : { rule: 'watch-upstreams', events };
}

function streams(input: DecisionInput, instance: InstanceName): boolean {
  const { lease, history, following } = input.state;
  const postgres = freshReport(input, instance)?.postgres;
  if (postgres?.kind !== 'standby' || postgres.receiver?.streaming !== true) return false;
  if (following !== undefined) return postgres.timeline === history.at(-1)?.timeline;
  return lease.kind !== 'NeverGranted' && postgres.timeline === lease.timeline;
}

/** What only passes (a restart of its agent, a reconnecting receiver) is no loss. */
function whyLost(input: DecisionInput, instance: InstanceName): string | null {
  if (isSilent(input, instance)) return 'it is not heard';
  const report = freshReport(input, instance);
  if (report === null) return null;
  const { postgres } = report;
  if (postgres.kind === 'standby' || postgres.kind === 'starting') return null;
  return `its PostgreSQL is ${postgres.kind}`;
}
