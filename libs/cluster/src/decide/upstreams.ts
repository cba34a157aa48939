import type { InstanceName } from '#libs/kernel';
import type { Decision, DecisionInput } from '../decision.ts';
import type { ClusterEvent } from '../events.ts';
import { wantedUpstreams } from '../replication/upstream.ts';
import { freshReport, isSilent } from './sight.ts';

/** After it was lost, or the primary changed, an upstream must have been well for so long. */
const SETTLE_MS = 2_000;

/**
 * Which standbys others may stream from: those that stream on the primary's timeline themselves. One
 * that is lost sends its followers to the primary; once it is back they return.
 */
export function watchUpstreams(input: DecisionInput): Decision | null {
  const { state, observations } = input;
  const { lease, operation, readyUpstreams = [] } = state;
  if (lease.kind !== 'Held' || !lease.serving || operation.kind !== 'none') return null;
  const events = wantedUpstreams(state).flatMap((instance): ClusterEvent[] => {
    if (instance === lease.holder) return [];
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
  const { lease } = input.state;
  const postgres = freshReport(input, instance)?.postgres;
  if (lease.kind === 'NeverGranted' || postgres?.kind !== 'standby') return false;
  return postgres.timeline === lease.timeline && postgres.receiver?.streaming === true;
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
