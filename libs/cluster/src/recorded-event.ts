import type { ClusterName, EpochMs } from '#libs/kernel';
import type { ClusterEvent } from './events.ts';

/** Who or what caused a batch: an operator (from the certificate), a rule, or an instance's report. */
export type Cause = { readonly by: string; readonly rule: string };

/** An event with its place in the cluster's stream. */
export type RecordedEvent = {
  readonly cluster: ClusterName;
  /** Counts every event of this stream, from 1. */
  readonly sequence: number;
  /** Counts the events that change state; what `expectedVersion` is compared with. */
  readonly version: number;
  /** Log time: never less than that of the event before. */
  readonly at: EpochMs;
  readonly cause: Cause;
  readonly event: ClusterEvent;
};

/** How far a rebuild is does not hold up the step of a failover, whose age counts from the version. */
const REMARKS: readonly ClusterEvent['type'][] = [
  'ActionRefused',
  'BrakeUsed',
  'ClockJumped',
  'RebuildProgress',
  'RebuildMethodFailed',
  'RebuildCompleted',
  'DivergedWalKept',
  'FailsafeMembersConfirmed',
  'SlotWarned',
];

/** Refusals and remarks are kept and shown, but a decision made before one is not stale after it. */
export function raisesVersion(event: ClusterEvent): boolean {
  return !REMARKS.includes(event.type);
}

/** The number below which neither sequence nor version of this event may lie. */
export function numberFloor(event: ClusterEvent): number {
  return event.type === 'ClusterPaused' ? (event.restoration?.floor ?? 0) : 0;
}
