import type { Brand } from './brand.ts';

/** Milliseconds of a monotonic clock with an unknown origin: the only time for leases and timeouts. */
export type MonotonicMs = Brand<number, 'MonotonicMs'>;
/** Milliseconds since 1970 of a wall clock: for people and for event timestamps, never for decisions. */
export type EpochMs = Brand<number, 'EpochMs'>;
/** PostgreSQL's timeline id, from 1. A timeline is its history, not this number alone (safety 3). */
export type TimelineId = Brand<number, 'TimelineId'>;

export function monotonicMs(value: number): MonotonicMs {
  return value as MonotonicMs;
}

export function epochMs(value: number): EpochMs {
  return value as EpochMs;
}

export function timelineId(value: number): TimelineId {
  return value as TimelineId;
}
