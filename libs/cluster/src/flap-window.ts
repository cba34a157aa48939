import type { EpochMs, InstanceName } from '#libs/kernel';
import type { Outage } from './outage.ts';
import type { RecordedEvent } from './recorded-event.ts';

/**
 * Opened by an automatic failover: for a while a primary that can still serve is not failed over again.
 * It closes by time, by an operator's word, and when every standby streams from the new primary.
 */
export type FlapWindow = {
  /** How many failovers followed each other; each makes the window longer. */
  readonly level: number;
  /** The instance that failed. */
  readonly failed: InstanceName;
  /** Number of the outage in the ledger. */
  readonly outage: number;
  readonly openedAt: EpochMs;
  readonly closed: boolean;
};

const MINUTE_MS = 60_000;
const LENGTHS_MS = [2 * MINUTE_MS, 10 * MINUTE_MS, 60 * MINUTE_MS] as const;
/** A failover this long after the one before begins at the shortest window again. */
const FORGOTTEN_AFTER_MS = 60 * MINUTE_MS;

/** How long the window stays open at most, by the leader's monotonic clock. */
export function flapWindowMs({ level }: FlapWindow): number {
  const index = Math.min(level, LENGTHS_MS.length) - 1;
  return LENGTHS_MS[index] ?? LENGTHS_MS[0];
}

/** `outage` is the ledger's last entry before the event. */
export function flapWindowAfter(
  window: FlapWindow | null,
  outage: Outage | null,
  { event, at }: RecordedEvent,
): FlapWindow | null {
  switch (event.type) {
    case 'FailoverCompleted': {
      // Whoever ordered it has seen what happened before.
      if (outage === null || outage.trigger === 'operator') return null;
      const recent = window !== null && at - window.openedAt < FORGOTTEN_AFTER_MS;
      const level = recent ? Math.min(window.level + 1, LENGTHS_MS.length) : 1;
      return { level, failed: outage.from, outage: outage.number, openedAt: at, closed: false };
    }
    case 'StandbysFollowed':
      return window === null ? null : { ...window, closed: true };
    case 'FailoverAcknowledged':
      return null;
    default:
      return window;
  }
}
