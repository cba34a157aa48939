import type { RecordedEvent } from '../recorded-event.ts';
import type { ClusterState } from '../state.ts';
import { memberNames } from '../state.ts';
import type { FailsafeState } from './failsafe-record.ts';

/** After any event that may touch it: `before` and `state` are the states before and after it. */
export function failsafeAfter(
  before: ClusterState,
  state: ClusterState,
  { event, version }: RecordedEvent,
): FailsafeState | undefined {
  const { lease } = state;
  if (lease.kind === 'NeverGranted') return undefined;
  const on = state.settings.failsafe;
  const known = state.failsafe?.epoch === lease.epoch ? state.failsafe : undefined;
  if (known === undefined) {
    // Nothing is told to a guard whose epoch is over.
    if (!on || lease.kind !== 'Held') return undefined;
    return { epoch: lease.epoch, version, on, members: memberNames(state) };
  }
  switch (event.type) {
    case 'InstanceJoined':
      if (before.members[event.instance] !== undefined) return known;
      return { ...known, version };
    case 'InstanceRemoved': {
      const members = known.members.filter((name) => name !== event.instance);
      return { ...known, version, members };
    }
    case 'ConfigurationChanged':
      return known.on === on ? known : { ...known, version, on };
    case 'FailsafeMembersConfirmed':
      return { ...known, members: event.members };
    default:
      return known;
  }
}
