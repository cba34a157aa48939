/** Maintenance of one instance: an operator's hands are in it, nothing else is to be. */
import type { InstanceName } from '#libs/kernel';
import type { CommandDecision, DecisionInput } from '../../decision.ts';
import { inMaintenance } from '../../state.ts';
import { refused } from '../refusal.ts';

export function decideMaintenance(
  { state }: DecisionInput,
  instance: InstanceName,
  on: boolean,
): CommandDecision {
  const { lease, operation } = state;
  const no = (rule: string, value: string, limit: string): CommandDecision =>
    refused(rule, value, limit, instance);
  if (state.members[instance] === undefined) {
    return no('not-a-member', instance, Object.keys(state.members).join(', '));
  }
  if (inMaintenance(state, instance) === on) {
    return { kind: 'satisfied', why: `${instance} is ${on ? '' : 'not '}in maintenance` };
  }
  // Its lease would be lost or kept by a PostgreSQL that nobody starts again.
  if (on && lease.kind === 'Held' && lease.holder === instance) {
    return no(
      'is-primary',
      `holds epoch ${lease.epoch}`,
      'a standby: `matriarch switchover` first',
    );
  }
  if (on && operation.kind === 'switchover' && operation.to === instance) {
    return no('busy', 'it is to become primary', 'no switchover to it');
  }
  const event = { type: 'MaintenanceChanged', instance, on } as const;
  return { kind: 'decided', decision: { rule: 'operator-maintenance', events: [event] } };
}
