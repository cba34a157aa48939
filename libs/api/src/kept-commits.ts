import type { RecordedEvent } from '#libs/cluster';

/**
 * Whether whoever took over surely had every commit that had waited for standbys, as the events of that outage
 * tell: it was granted the lease in a synchronous mode, which turns down everybody else, and no operator
 * accepted a loss. What the old primary had written beyond was never acknowledged.
 */
export function keptAcknowledged(events: readonly RecordedEvent[]): boolean {
  let kept = false;
  for (const { event } of events) {
    if (event.type === 'FailoverStarted' && event.acceptLoss) return false;
    if (event.type === 'LeaseGranted') kept = event.synchronous !== undefined;
    if (event.type === 'FailoverCompleted') return kept;
  }
  return false;
}
