import type { Epoch, GuardIncarnation } from '#libs/kernel';
import type { AgentReport } from './report.ts';
import type { LastKnownPosition } from './wal-position.ts';

/**
 * What the leader has heard, in its memory only. Ages are of the leader's clock, capped per loop turn;
 * null means not heard in this term, which no rule may treat as false (safety 24).
 */
export type InstanceObservation = {
  readonly report: AgentReport | null;
  /** Since it came; more when its agent's look was overdue by then, for it tells of nothing newer. */
  readonly reportAgeMs: number | null;
  readonly guard: GuardObservation | null;
  /** Since this leader first heard of the proof in the report; absent when there is none. */
  readonly detachedAgeMs?: number;
  /** The highest epoch that its guard was heard to hold, and how long ago it was first heard. */
  readonly held?: { readonly epoch: number; readonly ageMs: number };
  /** Since the primary last saw it too far behind to come back into the synchronous set; absent: it did not. */
  readonly laggedAgeMs?: number;
  /** Its PostgreSQL was started again since this leader first heard it, which no event tells yet. */
  readonly restarted?: true;
};

export type GuardObservation = {
  readonly incarnation: GuardIncarnation;
  readonly epoch: Epoch | null;
  readonly postmaster: 'running' | 'starting' | 'stopping' | 'down';
  readonly ageMs: number;
  readonly agentAbsentMs: number;
  /** Of the members that it would ask for promises; null or absent when it knows none. */
  readonly failsafeVersion?: number | null;
};

/** Of the epoch that is held now. */
export type LeaseObservation = {
  /** Since the last accepted renewal, or since this leader began to serve. */
  readonly silentMs: number;
  /** The wait W is over, no follower heard the guard, renewals are refused from now on. */
  readonly expiryDue: boolean;
};

/** An agent of another cluster, of a primary or a standby, that was heard by this leader and is no more. */
export type VanishedAgent = {
  readonly cluster: string;
  /** Between its falling silent and that of the own primary's agent. */
  readonly apartMs: number;
};

export type ClusterObservations = {
  /** How long this leader has served: on silence it decides only after a full lease period. */
  readonly servingForMs: number;
  /**
   * Since this leader applied the last event that raised the version, at most `servingForMs`: how long
   * the present step has lasted, by the leader's own clock (safety 23).
   */
  readonly sinceChangeMs: number;
  /** Since this leader applied the last `FailoverCompleted`; absent when it has applied none. */
  readonly sinceFailoverMs?: number;
  /** Since this leader applied the last `ClusterResumed`; absent when it has applied none. */
  readonly sinceResumedMs?: number;
  /** Since this leader applied the last `RestartOrdered`; absent when it has applied none. */
  readonly sinceRestartOrderedMs?: number;
  /** Of this leader's wall clock against its monotonic one, not yet recorded; absent when there is none. */
  readonly clockJumpMs?: number;
  /** The leader's wall clock, for what an operator ordered for a time; absent: not known. */
  readonly wallMs?: number;
  /** Since this leader applied the last `ActionRefused`; null when it has applied none. */
  readonly sinceRefusalMs: number | null;
  /** By instance name; also instances that are not members yet. */
  readonly instances: Readonly<Record<string, InstanceObservation>>;
  readonly lease: LeaseObservation | null;
  /** Another cluster whose primary's guard has no agent at present; null or absent when there is none. */
  readonly agentsAbsentElsewhere?: string | null;
  /** Looked for while the own primary has no agent; absent when none of another cluster fell silent. */
  readonly agentsVanishedElsewhere?: VanishedAgent;
  /** The primary's last known WAL position, from its renewals, its reports or its standbys. */
  readonly lastKnown: LastKnownPosition | null;
};

export const NOTHING_OBSERVED: InstanceObservation = {
  report: null,
  reportAgeMs: null,
  guard: null,
};
