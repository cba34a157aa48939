import type { RecordedEvent } from '#libs/cluster';

/**
 * Whether whoever took over surely had every commit that had been acknowledged: commits waited for a set that was relied on
 * when the outage began, which turns down everybody who may lack one, and no operator accepted a loss. What the
 * old primary had written beyond was never acknowledged.
 * @param begun sequence of the event that began the outage
 * @param events of that outage, after those before it that tell what was relied on; where they are not known any more: false
 */
export function keptAcknowledged(events: readonly RecordedEvent[], begun: number): boolean {
  let relied = false;
  let holder: string | null = null;
  for (const { event, sequence } of events) {
    if (sequence < begun) {
      if (event.type === 'SyncSetCommitted') relied = event.set !== null;
      if (event.type === 'LeaseGranted') {
        // Another holder alone has everything at first; one that goes on is covered as before.
        relied &&= event.synchronous !== undefined && (holder === null || holder === event.holder);
        ({ holder } = event);
      }
      continue;
    }
    if (event.type === 'FailoverStarted' && event.acceptLoss) return false;
    if (event.type === 'FailoverCompleted') return relied;
  }
  return false;
}
