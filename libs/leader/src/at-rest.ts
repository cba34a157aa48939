import { type ClusterState, isSynchronous } from '#libs/cluster';
import { renewalDueMs } from './renewal-interval.ts';
import type { Service } from './service.ts';

/**
 * Renewals come at an interval; a quarter of it is more than a network takes. Of a crowd half of it, the time after which
 * its guards doubt the leader: where one hears late it is seldom for reasons of its own, and what is asked about each of
 * thousands that are late makes the others so.
 */
const MISSED_AFTER_INTERVALS = { alone: 1.25, inCrowd: 1.5 } as const;

/** Longer ago than a renewal ever comes late on a healthy host. */
export function missesRenewals(
  service: Service,
  state: ClusterState,
  silentMs = service.leases.silentMs(state.name),
): boolean {
  if (state.lease.kind !== 'Held' || silentMs === null) return false;
  const dueMs = renewalDueMs(service, state);
  const { alone, inCrowd } = MISSED_AFTER_INTERVALS;
  return silentMs > dueMs * (dueMs > state.settings.renewIntervalMs ? inCrowd : alone);
}

/**
 * A primary serves and renews, nothing is under way, and no commit waits for a standby: no rule of such a
 * cluster is timed to a tick, and what is heard of it asks the rules by itself.
 */
export function isAtRest(service: Service, state: ClusterState): boolean {
  const { lease, operation } = state;
  if (lease.kind !== 'Held' || !lease.serving || operation.kind !== 'none') return false;
  return !isSynchronous(state) && !missesRenewals(service, state);
}
