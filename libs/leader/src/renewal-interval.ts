import { type ClusterState, guardTimes, isSynchronous, leaseTimingOf } from '#libs/cluster';
import type { Epoch } from '#libs/kernel';
import { longestIntervalMs } from '#libs/lease';
import type { AnsweredRenewal, Service } from './service.ts';

/**
 * So many renewals a second leave a leader on one of two small cores a good part of its time for all
 * else (docs/benchmarks.md, `bench:scale`). With default settings: of up to 2,240 guards.
 */
export const RENEWALS_PER_SECOND = 5_600;

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
  const soughtMs = soughtIntervalMs(service, perSecond);
  if (soughtMs <= settings.renewIntervalMs) return null;
  if (lease.kind !== 'Held' || !lease.serving || operation.kind !== 'none') return null;
  if (isSynchronous(state) || settings.failsafe) return null;
  const longestMs = longestIntervalMs(guardTimes(settings, leaseTimingOf(state)));
  return longestMs > settings.renewIntervalMs ? Math.min(soughtMs, longestMs) : null;
}

function soughtIntervalMs({ leases }: Service, perSecond: number): number {
  return Math.ceil((leases.held * 1_000) / perSecond);
}

/**
 * What the holder of `epoch` is answered, and remembered of it. Nearly every answer is the one before: it is worked out
 * again when the cluster or their number changed, and kept anew then only, for what is kept outlives the young heap.
 */
export function answerTo(
  service: Service,
  state: ClusterState,
  epoch: Epoch,
  perSecond: number,
): AnsweredRenewal {
  const soughtMs = soughtIntervalMs(service, perSecond);
  const before = service.answered.get(state.name);
  if (before?.state === state && before.soughtMs === soughtMs) return before;
  const intervalMs = crowdIntervalMs(service, state, perSecond);
  const answer = { epoch, crowdIntervalMs: intervalMs, state, soughtMs };
  service.answered.set(state.name, answer);
  return answer;
}

/** How long after the one before a renewal of the held lease is expected. */
export function renewalDueMs(service: Service, state: ClusterState): number {
  const { lease, settings, name } = state;
  const answered = service.answered.get(name);
  if (lease.kind !== 'Held' || answered?.epoch !== lease.epoch) return settings.renewIntervalMs;
  return Math.max(settings.renewIntervalMs, answered.crowdIntervalMs ?? 0);
}
