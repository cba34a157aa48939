import { unreachable } from '#libs/kernel';
import type { ClusterEvent } from '../events.ts';
import type { FailoverTrigger } from '../outage-events.ts';
import type { ClusterState, SyncState } from '../state.ts';

type Recorded<T extends ClusterEvent['type']> = Extract<ClusterEvent, { type: T }>;
export type SyncEvent = Recorded<
  'SyncSettingOrdered' | 'SyncSettingConfirmed' | 'SyncSetCommitted'
>;

export function evolveSync(sync: SyncState, event: SyncEvent): SyncState {
  switch (event.type) {
    case 'SyncSettingOrdered': {
      const { order, setting: ordered } = event;
      const superseded = [...sync.superseded, sync.ordered];
      return { ...sync, order, ordered, superseded, confirmedAt: null };
    }
    case 'SyncSettingConfirmed':
      return { ...sync, superseded: [], confirmedAt: event.flushedTo };
    case 'SyncSetCommitted':
      return { ...sync, committed: event.set };
    default:
      return unreachable(event);
  }
}

/**
 * A new primary alone holds everything, until members have flushed what it was promoted with (safety 15).
 * One that goes on on its timeline has acknowledged nothing that the set of before does not cover.
 */
export function syncOfGrant(
  { sync, lease, history }: ClusterState,
  event: Recorded<'LeaseGranted'>,
): { readonly sync?: SyncState } {
  const { epoch, holder, timeline, synchronous: ordered } = event;
  if (ordered === undefined) return {};
  const goesOn =
    lease.kind !== 'NeverGranted' &&
    lease.holder === holder &&
    timeline === history.at(-1)?.timeline;
  const committed = goesOn ? (sync?.committed ?? null) : null;
  const order = (sync?.order ?? 0) + 1;
  return { sync: { epoch, committed, order, ordered, superseded: [], confirmedAt: null } };
}

const FENCING: readonly FailoverTrigger[] = [
  'primary-unreachable',
  'postgres-down',
  'primary-hung',
];

/** Standbys are detached while the lease is still held: what they prove ends it. */
export function byDataFencing(
  { sync, lease }: Pick<ClusterState, 'sync' | 'lease'>,
  { trigger }: Pick<Recorded<'FailoverStarted'>, 'trigger'>,
): boolean {
  if (lease.kind !== 'Held' || sync?.epoch !== lease.epoch || sync.committed === null) return false;
  return FENCING.includes(trigger);
}
