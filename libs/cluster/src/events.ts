import type { Epoch, GuardIncarnation, InstanceName, Lsn, TimelineId } from '#libs/kernel';
import type { BackupPolicies, ClusterConfiguration } from './configuration.ts';
import type { Endpoint, InstanceTags, PostgresDefinition } from './definition.ts';
import type { FastForwardEvent } from './fast-forward/fast-forward-events.ts';
import type { OutageEvent } from './outage-events.ts';
import type { RebuildEvent } from './rebuild/rebuild-events.ts';
import type { RemoteEvent } from './remote/remote-events.ts';
import type { RemotePrimary } from './remote/remote-primary.ts';
import type { ReplicationEvent } from './replication/replication-events.ts';
import type { RestartEvent } from './restart/restart-events.ts';
import type { ClusterSettings } from './settings.ts';
import type { SyncSetting } from './sync-set/quorum.ts';
import type { SyncEvent } from './sync-set/sync-events.ts';
import type { WalPosition } from './wal-position.ts';

/** One rule that refused, with the value it saw and the limit it holds. */
export type RuleRefusal = {
  readonly instance: InstanceName | null;
  readonly rule: string;
  readonly value: string;
  readonly limit: string;
};

export type GrantReason =
  | 'bootstrap'
  | 'restart'
  | 'failover'
  | 'switchover'
  | 'switchover-abandoned'
  /** A standby cluster begins to write. */
  | 'cluster-promotion';
export type ReleaseReason =
  | 'hand-over'
  | 'postgres-down'
  | 'guard-replaced'
  | 'guard-dead'
  | 'yielded'
  | 'shutdown';

export type ClusterEvent =
  | RebuildEvent
  | RemoteEvent
  | ReplicationEvent
  | FastForwardEvent
  | OutageEvent
  | RestartEvent
  | SyncEvent
  | {
      readonly type: 'ClusterCreated';
      readonly settings: ClusterSettings;
      readonly postgres: PostgresDefinition;
      /** It begins as a copy of this one, and follows it. Absent: it is on its own. */
      readonly standbyOf?: RemotePrimary;
    }
  /** Also recorded when an instance comes back with other addresses or tags. */
  | {
      readonly type: 'InstanceJoined';
      readonly instance: InstanceName;
      readonly postgres: Endpoint;
      readonly agent: Endpoint;
      readonly tags: InstanceTags;
      /** `application_name` of its receiver, new with each copy of the data. Absent: never told. */
      readonly replicationName?: string;
      /** Of a member already: what is not as it was recorded. Absent of one that joins, and in older events. */
      readonly changed?: readonly ('address' | 'data' | 'tags')[];
    }
  /** The whole configuration, so that any revision can be shown and gone back to by itself. */
  | {
      readonly type: 'ConfigurationChanged';
      readonly revision: number;
      readonly configuration: ClusterConfiguration;
      readonly comment: string | null;
      /** Absent: as they stand. */
      readonly backup?: BackupPolicies;
    }
  | { readonly type: 'InstanceRemoved'; readonly instance: InstanceName }
  | {
      readonly type: 'BootstrapStarted';
      readonly initialiser: InstanceName;
      /** Its PostgreSQL runs already and is taken over; absent: its data is made. */
      readonly adopts?: true;
    }
  | {
      readonly type: 'BootstrapAbandoned';
      readonly instance: InstanceName;
      readonly reason: string;
    }
  | {
      readonly type: 'ClusterInitialised';
      readonly instance: InstanceName;
      readonly systemIdentifier: string;
    }
  /**
   * The right to be primary in `epoch`, for one start of one guard. `timeline` is the id that this
   * primary will write on: the present one for a restart, else one above every id ever granted.
   */
  | {
      readonly type: 'LeaseGranted';
      readonly epoch: Epoch;
      readonly holder: InstanceName;
      readonly guard: GuardIncarnation;
      readonly timeline: TimelineId;
      readonly reason: GrantReason;
      /** Candidates that were refused, and why. */
      readonly refusals: readonly RuleRefusal[];
      /** The chosen candidate's position, null when it needed none (bootstrap, restart). */
      readonly position: WalPosition | null;
      /** Of a failover: until the last proof came, and from then until somebody was chosen. */
      readonly timing?: { readonly detachMs: number; readonly chooseMs: number };
      /** Synchronous modes: what the holder's PostgreSQL waits for until another order (safety 15). */
      readonly synchronous?: SyncSetting;
    }
  | {
      readonly type: 'LeaseReleased';
      readonly epoch: Epoch;
      readonly guard: GuardIncarnation;
      readonly reason: ReleaseReason;
      /** End of WAL of the stopped primary where it is known. */
      readonly position: WalPosition | null;
    }
  | {
      readonly type: 'LeaseExpired';
      readonly epoch: Epoch;
      /** How long the leader had accepted no renewal, and how long it had to wait. */
      readonly silentMs: number;
      readonly waitMs: number;
    }
  /** The guard of `epoch` knows of these members and asks all of them for promises (safety 11). */
  | {
      readonly type: 'FailsafeMembersConfirmed';
      readonly epoch: Epoch;
      readonly members: readonly InstanceName[];
    }
  /** The holder of `epoch` accepts writes on `timeline`, which left the one before at `forkLsn`. */
  | {
      readonly type: 'Promoted';
      readonly epoch: Epoch;
      readonly instance: InstanceName;
      readonly timeline: TimelineId;
      /** Null when the timeline did not change. */
      readonly fork: { readonly from: TimelineId; readonly lsn: Lsn } | null;
    }
  /** The holder accepts writes again on the timeline that it had. */
  | { readonly type: 'PrimaryResumed'; readonly epoch: Epoch; readonly instance: InstanceName }
  /** The leader's wall clock left its monotonic one by so much; log time only ever goes on. */
  | { readonly type: 'ClockJumped'; readonly jumpMs: number }
  /** An operator works on this instance: it is left alone, and still observed. */
  | {
      readonly type: 'MaintenanceChanged';
      readonly instance: InstanceName;
      readonly on: boolean;
    }
  /** Recorded only when the set of rules that refuse changes; does not raise the version (safety 24). */
  | {
      readonly type: 'ActionRefused';
      readonly action:
        | 'failover'
        | 'switchover'
        | 'bootstrap'
        | 'restart'
        | 'hand-back'
        | 'standby-leader'
        | 'rebuild';
      readonly refusals: readonly RuleRefusal[];
    }
  /** The leader had reason to doubt itself and handed leadership over before it declared `epoch` expired. */
  | { readonly type: 'BrakeUsed'; readonly epoch: Epoch; readonly term: number }
  | {
      readonly type: 'ClusterPaused';
      /** Written by `restore` and `force-new-cluster`: nobody acts before an operator resumed (safety 4). */
      readonly restoration?: Restoration;
    }
  | {
      readonly type: 'ClusterResumed';
      /** What agents knew and restored controllers did not; only after a restoration. */
      readonly adopted?: AdoptedHistory;
    };

/** A new life of the controllers, made by hand from what an older one had left. */
export type Restoration = {
  readonly incarnation: string;
  /** Sequence and version go on from here: above all that the older life can have given out. */
  readonly floor: number;
};

export type AdoptedHistory = {
  readonly timelines: readonly {
    readonly timeline: TimelineId;
    readonly fork: { readonly from: TimelineId; readonly lsn: Lsn } | null;
  }[];
  /** The highest timeline id that any agent has seen. */
  readonly highestTimeline: number;
};
