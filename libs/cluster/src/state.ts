import type {
  ClusterName,
  Epoch,
  EpochMs,
  GuardIncarnation,
  InstanceName,
  Lsn,
  TimelineId,
} from '#libs/kernel';
import { epochMs } from '#libs/kernel';
import type { ConfigurationRevision, GrantedTiming } from './configuration.ts';
import type { Endpoint, InstanceTags, PostgresDefinition } from './definition.ts';
import type { FailsafeState } from './failsafe/failsafe-record.ts';
import type { FastForward } from './fast-forward/fast-forward-record.ts';
import type { FlapWindow } from './flap-window.ts';
import type { GrantReason, ReleaseReason } from './lease-events.ts';
import type { Outage } from './outage.ts';
import type { FailoverTrigger } from './outage-events.ts';
import type { Rebuilds } from './rebuild/rebuild-record.ts';
import type { Following, Remote } from './remote/remote.ts';
import type { SlotDanger } from './replication/slot-policy.ts';
import type { RestartPlan } from './restart/restart-plan.ts';
import type { RuleRefusal } from './rule-refusal.ts';
import type { ServerFacts } from './server-facts.ts';
import type { ClusterSettings } from './settings.ts';
import type { SyncSetting } from './sync-set/quorum.ts';
import type { SyncSet } from './sync-set/sync-events.ts';
import type { LastKnownPosition, WalPosition } from './wal-position.ts';

export type MemberRecord = {
  readonly name: InstanceName;
  readonly postgres: Endpoint;
  readonly agent: Endpoint;
  readonly tags: InstanceTags;
  /** `application_name` of its receiver; absent until it was told. */
  readonly replicationName?: string;
  /** Absent for so long that nobody keeps WAL for it. */
  readonly slotReleased?: true;
};

/** Synchronous replication of the present epoch. */
export type SyncState = {
  readonly epoch: Epoch;
  /** Null: nobody but the primary itself is relied on. */
  readonly committed: SyncSet | null;
  /** What the primary's PostgreSQL was told last, and the number of that order. */
  readonly order: number;
  readonly ordered: SyncSetting;
  /** Told before; parts of PostgreSQL may still run them. Empty once confirmed. */
  readonly superseded: readonly SyncSetting[];
  /** Where the primary had flushed to when nothing older than `ordered` was running any more. */
  readonly confirmedAt: Lsn | null;
};

/**
 * The right to be primary. `Held` until the log says otherwise: time alone never changes it here.
 * The holder is one start of one guard (safety 9).
 */
export type Lease =
  | { readonly kind: 'NeverGranted' }
  | {
      readonly kind: 'Held' | 'Released' | 'Expired' | 'Fenced';
      readonly epoch: Epoch;
      readonly holder: InstanceName;
      readonly guard: GuardIncarnation;
      /** The timeline that the holder writes, or will write once promoted. */
      readonly timeline: TimelineId;
      /**
       * Granted before by grants that followed on each other, to this holder or to one that it streamed from,
       * and not heard to be taken: its data may stand there. Absent: none.
       */
      readonly unrecorded?: readonly TimelineId[];
      readonly reason: GrantReason;
      /** False between the grant and `Promoted` or `PrimaryResumed`. */
      readonly serving: boolean;
      /** Why it was released; null unless `Released`. */
      readonly released: ReleaseReason | null;
      readonly changedAt: EpochMs;
      /** The times that this epoch was granted with; absent in older states: those of the settings. */
      readonly timing?: GrantedTiming;
    };

/** One timeline of the cluster; `fork` is null for the first. Together they are the true history. */
export type TimelineRecord = {
  readonly timeline: TimelineId;
  readonly fork: { readonly from: TimelineId; readonly lsn: Lsn } | null;
};

export type Operation =
  | { readonly kind: 'none' }
  | { readonly kind: 'bootstrap'; readonly initialiser: InstanceName; readonly startedAt: EpochMs }
  | {
      readonly kind: 'failover';
      /**
       * yielding: the failed holder is asked to stop and release; detaching: standbys stop receiving
       * and say how far they came; promoting: the next epoch was granted.
       */
      readonly step: 'yielding' | 'detaching' | 'promoting';
      /** The epoch that ended or is to end. */
      readonly epoch: Epoch;
      readonly primary: InstanceName;
      readonly trigger: FailoverTrigger;
      readonly lastKnown: LastKnownPosition | null;
      readonly candidate: InstanceName | null;
      readonly acceptLoss: boolean;
      /** Its earlier copy, put aside by a rebuild, is put back before it is judged; absent: it is not. */
      readonly copyAside?: true;
      readonly excluded: readonly InstanceName[];
      readonly startedAt: EpochMs;
      /** Version of its start: proofs of detachment from before it prove nothing. Absent: 0. */
      readonly startedVersion?: number;
      readonly stepAt: EpochMs;
      /** Where the chosen candidate stood. */
      readonly chosenAt: WalPosition | null;
      /** A preferred candidate that fetches, or fetched, what it lacked; absent: none. */
      readonly fastForward?: FastForward;
      readonly phasesMs: Readonly<Record<string, number>>;
    }
  | {
      readonly kind: 'switchover';
      /** stopping: the primary stops and releases; catchingUp: released; promoting: granted. */
      readonly step: 'stopping' | 'catchingUp' | 'promoting';
      readonly epoch: Epoch;
      readonly from: InstanceName;
      readonly to: InstanceName;
      /** End of WAL of the stopped primary, which the target must hold before the grant. */
      readonly stoppedAt: WalPosition | null;
      readonly startedAt: EpochMs;
      readonly stepAt: EpochMs;
      readonly phasesMs: Readonly<Record<string, number>>;
    }
  | {
      /** The primary stops, so that another cluster may write: released once the lease is. */
      readonly kind: 'demotion';
      readonly epoch: Epoch;
      readonly primary: InstanceName;
      readonly remote: Remote;
      /** It stops without asking the remote first. */
      readonly acceptUnknown?: true;
      /** End of its WAL, once it is released. */
      readonly stoppedAt: WalPosition | null;
      readonly startedAt: EpochMs;
      readonly stepAt: EpochMs;
    };

export type ClusterState = {
  readonly name: ClusterName;
  /** Version and sequence of the last event folded in; 0 before `ClusterCreated`. */
  readonly version: number;
  readonly sequence: number;
  readonly lastEventAt: EpochMs;
  readonly settings: ClusterSettings;
  readonly postgres: PostgresDefinition;
  readonly members: Readonly<Record<string, MemberRecord>>;
  /** Null until an instance was initialised. */
  readonly systemIdentifier: string | null;
  /** How often an instance could not make the first data directory; absent: never. */
  readonly bootstrapFailures?: number;
  readonly lease: Lease;
  readonly history: readonly TimelineRecord[];
  /** The highest timeline id ever given out; none is given twice (safety 3). */
  readonly highestTimeline: number;
  readonly operation: Operation;
  /** Another cluster writes, and this one follows it. Absent: it is on its own. */
  readonly following?: Following;
  /** Absent in mode `off`, and before the first grant in another. */
  readonly sync?: SyncState;
  /**
   * The epoch whose failover was given up before its lease had ended: promises to receive nothing from
   * its primary, made before that, are over (safety 5). Absent: none.
   */
  readonly detachReleased?: Epoch;
  readonly failsafe?: FailsafeState;
  /** Instances that an operator works on: neither started, rebuilt, waited for nor promoted. */
  readonly maintenance?: readonly InstanceName[];
  readonly paused: boolean;
  /** Newest last; absent until the configuration was changed once. */
  readonly revisions?: readonly ConfigurationRevision[];
  /**
   * The controllers' incarnation that this state went through, once they were restored or forced; not
   * `confirmed` until an operator resumed. Absent in the founding incarnation. From then on epochs lie
   * above `epochFloor`, the second of the restoration: guards take none that they have seen the end of.
   */
  readonly restored?: {
    readonly incarnation: string;
    readonly confirmed: boolean;
    readonly epochFloor: number;
  };
  /** `keptAt` of the last kept WAL of each instance that had written alone. */
  readonly divergedWal?: Readonly<Record<string, number>>;
  /** Of the last automatic failover that nobody acknowledged; null or absent when there is none. */
  readonly flapWindow?: FlapWindow | null;
  /** Of the last primary that was measured; absent before the first. */
  readonly primaryServer?: ServerFacts;
  /** The last entry of the ledger of failovers and switchovers; absent while there is none. */
  readonly lastOutage?: Outage;
  /** Restarts of PostgreSQL that are planned or under way; null or absent when there are none. */
  readonly restart?: RestartPlan | null;
  /** Standbys that others may stream from in this epoch; absent: none. */
  readonly readyUpstreams?: readonly InstanceName[];
  /** Slots of the primary that were warned of; absent: none. */
  readonly slotDangers?: Readonly<Record<string, SlotDanger>>;
  /** By instance name; absent when there never was one. */
  readonly rebuilds?: Rebuilds;
  /** What refused last, to record a refusal only when the set of rules changes. */
  readonly lastRefusal: {
    readonly action: string;
    readonly refusals: readonly RuleRefusal[];
    readonly at: EpochMs;
  } | null;
};

/**
 * The timelines that lead to the present one, oldest first. A timeline that was given up (its primary
 * was lost before anybody had passed its fork) stays in `history` and is not part of this.
 */
export function lineage(history: readonly TimelineRecord[]): readonly TimelineRecord[] {
  const known = lineages.get(history);
  if (known !== undefined) return known;
  const chain: TimelineRecord[] = [];
  let next = history.at(-1);
  while (next !== undefined) {
    chain.push(next);
    const from: TimelineId | undefined = next.fork?.from;
    next = history.find((record) => record.timeline === from);
  }
  chain.reverse();
  lineages.set(history, chain);
  return chain;
}

/** Asked for at every tick, of histories that grow by one entry a failover and are never changed in place. */
const lineages = new WeakMap<readonly TimelineRecord[], readonly TimelineRecord[]>();

/** The last primary: holder of the present or of the last epoch. */
export function lastHolder(state: ClusterState): InstanceName | null {
  return state.lease.kind === 'NeverGranted' ? null : state.lease.holder;
}

export function inMaintenance(state: ClusterState, instance: InstanceName): boolean {
  return state.maintenance?.includes(instance) === true;
}

export function memberNames(state: ClusterState): InstanceName[] {
  return Object.values(state.members).map((member) => member.name);
}

export function emptyState(
  name: ClusterName,
  settings: ClusterSettings,
  postgres: PostgresDefinition,
): ClusterState {
  return {
    name,
    version: 0,
    sequence: 0,
    lastEventAt: epochMs(0),
    settings,
    postgres,
    members: {},
    systemIdentifier: null,
    lease: { kind: 'NeverGranted' },
    history: [],
    highestTimeline: 0,
    operation: { kind: 'none' },
    paused: false,
    lastRefusal: null,
  };
}
