import { type ClusterState, isSynchronous } from '#libs/cluster';
import { renewalDueMs } from './renewal-interval.ts';
import type { Service } from './service.ts';

/** Renewals come at an interval; a quarter of it is more than a network takes. */
const MISSED_AFTER_INTERVALS = 1.25;

/** Longer ago than a renewal ever comes late on a healthy host. */
export function missesRenewals(
  service: Service,
  state: ClusterState,
  silentMs = service.leases.silentMs(state.name),
): boolean {
  if (state.lease.kind !== 'Held' || silentMs === null) return false;
  return silentMs > MISSED_AFTER_INTERVALS * renewalDueMs(service, state);
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
