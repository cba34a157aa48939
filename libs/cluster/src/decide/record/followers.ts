import type { Decision, DecisionInput } from '../../decision.ts';
import { inMaintenance, memberNames } from '../../state.ts';
import { freshReport } from '../sight.ts';

/** After an outage: the moment at which the cluster is whole again. One that is not heard is waited for. */
export function recordFollowers(input: DecisionInput): Decision | null {
  const { lease, operation, lastOutage } = input.state;
  if (lastOutage?.outcome !== 'completed' || lastOutage.followMs !== null) return null;
  if (lease.kind !== 'Held' || !lease.serving || operation.kind !== 'none') return null;
  const standbys = memberNames(input.state).filter((name) => {
    return name !== lease.holder && !inMaintenance(input.state, name);
  });
  const follow = standbys.every((name) => {
    if (input.state.members[name]?.tags.noStream === true) return true;
    const postgres = freshReport(input, name)?.postgres;
    if (postgres?.kind !== 'standby' || postgres.timeline !== lease.timeline) return false;
    return postgres.receiver?.streaming === true;
  });
  if (!follow) return null;
  const event = { type: 'StandbysFollowed', primary: lease.holder, standbys } as const;
  return { rule: 'record-followers', events: [event] };
}
