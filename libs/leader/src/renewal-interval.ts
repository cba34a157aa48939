import { type ClusterState, guardTimes, isSynchronous, leaseTimingOf } from '#libs/cluster';
import { longestIntervalMs } from '#libs/lease';
import type { Service } from './service.ts';

/**
 * So many renewals a second leave a leader on one of two small cores a good part of its time for all
 * else (docs/benchmarks.md, `bench:scale`). With default settings: of up to 2,500 guards.
 */
export const RENEWALS_PER_SECOND = 6_250;

/**
 * How often the guard of `state` may renew when so many guards do that their own interval would be too
 * much for a leader; null: as often as its settings say. A lease lasts as long as ever and a dead
 * holder's ends as soon; what becomes less is the renewals to spare, from six to no fewer than two (ADR 0012).
 *
 * Where commits wait for standbys the guard's silence is what a failover begins with, with failsafe on the
 * last of its time is for promises, and while anything is under way every answer counts: none of these waits.
 */
export function crowdIntervalMs(
  service: Service,
  state: ClusterState,
  perSecond: number,
): number | null {
  const { lease, operation, settings } = state;
  const soughtMs = Math.ceil((service.leases.held * 1_000) / perSecond);
  if (soughtMs <= settings.renewIntervalMs) return null;
  if (lease.kind !== 'Held' || !lease.serving || operation.kind !== 'none') return null;
  if (isSynchronous(state) || settings.failsafe) return null;
  const longestMs = longestIntervalMs(guardTimes(settings, leaseTimingOf(state)));
  return longestMs > settings.renewIntervalMs ? Math.min(soughtMs, longestMs) : null;
}

/** How long after the one before a renewal of the held lease is expected. */
export function renewalDueMs(service: Service, state: ClusterState): number {
  const { lease, settings, name } = state;
  const answered = service.answered.get(name);
  if (lease.kind !== 'Held' || answered?.epoch !== lease.epoch) return settings.renewIntervalMs;
  return Math.max(settings.renewIntervalMs, answered.crowdIntervalMs ?? 0);
}
