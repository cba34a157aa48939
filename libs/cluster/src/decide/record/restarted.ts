import type { Decision, DecisionInput } from '../../decision.ts';
import { serves } from '../failover/holder.ts';
import { freshReport, observed } from '../sight.ts';

/**
 * A primary that was started again under the lease that it held all the time, by its agent or by hand:
 * clients lost their connections, and whoever looks for the reason finds it. What was ordered is told by its order.
 */
export function recordRestarted(input: DecisionInput): Decision | null {
  const { lease, operation, restart } = input.state;
  if (lease.kind !== 'Held' || !lease.serving || operation.kind !== 'none') return null;
  const { epoch, holder: instance } = lease;
  if (observed(input, instance).restarted !== true || restart?.current?.instance === instance) {
    return null;
  }
  const report = freshReport(input, instance);
  if (report === null || !serves(report, lease)) return null;
  return { rule: 'record-restarted', events: [{ type: 'PrimaryResumed', epoch, instance }] };
}
