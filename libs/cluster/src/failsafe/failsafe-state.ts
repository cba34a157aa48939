import type { Epoch, InstanceName } from '#libs/kernel';
import type { RecordedEvent } from '../events.ts';
import type { ClusterState } from '../state.ts';
import { memberNames } from '../state.ts';

/**
 * What is known of the members whose promises may keep the held epoch when no controller answers
 * (safety 11). Absent while failsafe was never on in this epoch.
 */
export type FailsafeState = {
  readonly epoch: Epoch;
  /** Of the last change of the members or of the switch; what the guard confirms in its renewals. */
  readonly version: number;
  readonly on: boolean;
  /**
   * In every set of members that the holder's guard may be asking: those that stood when it could first
   * hear of any, and those whose set it confirmed. Somebody else could be promoted beside its promises.
   */
  readonly members: readonly InstanceName[];
};

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
