import type { Epoch, InstanceName, Lsn, TimelineId } from '#libs/kernel';
import type { BackupPolicies, ClusterConfiguration } from './configuration.ts';
import type { Endpoint, InstanceTags, PostgresDefinition } from './definition.ts';
import type { FastForwardEvent } from './fast-forward/fast-forward-events.ts';
import type { LeaseEvent } from './lease-events.ts';
import type { OutageEvent } from './outage-events.ts';
import type { RebuildEvent } from './rebuild/rebuild-events.ts';
import type { Remote } from './remote/remote.ts';
import type { RemoteEvent } from './remote/remote-events.ts';
import type { ReplicationEvent } from './replication/replication-events.ts';
import type { RestartEvent } from './restart/restart-events.ts';
import type { RuleRefusal } from './rule-refusal.ts';
import type { ClusterSettings } from './settings.ts';
import type { SyncEvent } from './sync-set/sync-events.ts';

export type ClusterEvent =
  | RebuildEvent
  | RemoteEvent
  | ReplicationEvent
  | FastForwardEvent
  | LeaseEvent
  | OutageEvent
  | RestartEvent
  | SyncEvent
  | {
      readonly type: 'ClusterCreated';
      readonly settings: ClusterSettings;
      readonly postgres: PostgresDefinition;
      /** It begins as a copy of this one, and follows it. Absent: it is on its own. */
      readonly standbyOf?: Remote;
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
  /** The guard of `epoch` knows of these members and asks all of them for promises (safety 11). */
  | {
      readonly type: 'FailsafeMembersConfirmed';
      readonly epoch: Epoch;
      readonly members: readonly InstanceName[];
    }
  /** The leader's wall clock left its monotonic one by this much, or a new leader's log time; log time only ever goes on. */
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
