import type {
  ClusterName,
  Epoch,
  EpochMs,
  GuardIncarnation,
  InstanceName,
  Lsn,
  TimelineId,
} from '#libs/kernel';
import type { BackupPolicies, ClusterConfiguration, ParameterOverrides } from './configuration.ts';
import type { DivergedWal } from './diverged-wal.ts';
import type { FastForwardEvent } from './fast-forward/fast-forward-events.ts';
import type { ArchivePolicy, BootstrapPolicy, RebuildPolicy } from './rebuild/policy.ts';
import type { RebuildEvent } from './rebuild/rebuild-events.ts';
import type { RemoteEvent } from './remote/remote-events.ts';
import type { RemotePrimary } from './remote/remote-primary.ts';
import type { ReplicationEvent } from './replication/replication-events.ts';
import type { SlotPolicy } from './replication/slot-policy.ts';
import type { RestartEvent } from './restart/restart-events.ts';
import type { ServerFacts } from './server-facts.ts';
import type { ClusterSettings } from './settings.ts';
import type { SyncSetting } from './sync-set/quorum.ts';

/** Where something listens. */
export type Endpoint = { readonly host: string; readonly port: number };

/** A point in the WAL of one timeline. */
export type WalPosition = { readonly timeline: TimelineId; readonly lsn: Lsn };

/** PostgreSQL's part of a cluster's definition. Passwords are not here: they never enter the history. */
export type PostgresDefinition = {
  readonly superuser: string;
  readonly replicationUser: string;
  readonly rewindUser: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly pgHba: readonly string[];
  /** Lines of `pg_ident.conf` after our own. */
  readonly pgIdent?: readonly string[] | undefined;
  readonly overrides?: ParameterOverrides | undefined;
  readonly accessOverrides?: ClusterConfiguration['accessOverrides'];
  /** Absent: the defaults. */
  readonly slots?: SlotPolicy | undefined;
  /** Absent: the defaults of a cluster without the section. */
  readonly rebuild?: RebuildPolicy;
  /** Absent: WAL is not archived. */
  readonly archive?: ArchivePolicy;
  /** Absent: the first instance is made by initdb, with our options. */
  readonly bootstrap?: BootstrapPolicy;
};

export type InstanceTags = {
  readonly noFailover: boolean;
  readonly noLoadBalance: boolean;
  /** Decides only among candidates with equal positions; higher is preferred. */
  readonly failoverPriority: number;
  /** No commit ever waits for it. Absent in what older agents said: false. */
  readonly noSync?: boolean;
  /** Order in which commits wait for standbys in mode `priority`; higher first. Absent: 1. */
  readonly syncPriority?: number;
  /** Where it stands: a data centre, a rack. */
  readonly zone?: string;
  /** Streams from this instance in place of the primary, while that one streams itself. */
  readonly replicateFrom?: string;
  /** Fed by the archive alone; never a candidate by itself. Absent: false. */
  readonly noStream?: boolean;
  /** Preferred source of copies. Absent: false. */
  readonly cloneFrom?: boolean;
  /** Whatever else load balancers and people want to tell instances by. */
  readonly custom?: Readonly<Record<string, string>>;
};

/** One rule that refused, with the value it saw and the limit it holds. */
export type RuleRefusal = {
  readonly instance: InstanceName | null;
  readonly rule: string;
  readonly value: string;
  readonly limit: string;
};

/** What was known of the primary's WAL when it was lost; `ageMs` bounds what was written after it. */
export type LastKnownPosition = WalPosition & { readonly ageMs: number };

/** A standby that commits wait for, and the name by which PostgreSQL counts it (safety 14). */
export type SyncMember = { readonly instance: InstanceName; readonly name: string };

/** What a failover may rely on: of any `members.length - count + 1` one has every commit. */
export type SyncSet = { readonly members: readonly SyncMember[]; readonly count: number };

export type FailoverTrigger =
  /** Synchronous: renewals are missing and the standbys' own probes failed; the lease is not waited for. */
  | 'primary-unreachable'
  | 'lease-expired'
  | 'lease-released'
  | 'postgres-down'
  | 'promotion-failed'
  /** Its guard lives without an agent, and somebody else can take over. */
  | 'agent-absent'
  /** It runs, but WAL does not get to its disk, or nobody can connect; the lease is renewed all the same. */
  | 'primary-hung'
  | 'operator';
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

/** Milliseconds that each phase of an outage took, in log time of the leader. */
export type PhaseDurations = Readonly<Record<string, number>>;

export type ClusterEvent =
  | RebuildEvent
  | RemoteEvent
  | ReplicationEvent
  | FastForwardEvent
  | RestartEvent
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
  /**
   * So many members of the set relied on are detached that no commit can be acknowledged in `epoch`
   * any more: its renewals are refused, and the next epoch may be granted (safety 5).
   */
  | {
      readonly type: 'LeaseFenced';
      readonly epoch: Epoch;
      readonly members: readonly {
        readonly instance: InstanceName;
        readonly name: string;
        readonly position: WalPosition;
      }[];
    }
  /** The primary's PostgreSQL is told what to wait for; orders are numbered within the cluster. */
  | {
      readonly type: 'SyncSettingOrdered';
      readonly epoch: Epoch;
      readonly order: number;
      readonly setting: SyncSetting;
    }
  /** No process of it runs an older setting. What was acknowledged until then lies before `flushedTo`. */
  | {
      readonly type: 'SyncSettingConfirmed';
      readonly epoch: Epoch;
      readonly order: number;
      readonly flushedTo: Lsn;
    }
  /** What a failover may rely on from now on; null: only the primary itself holds everything. */
  | {
      readonly type: 'SyncSetCommitted';
      readonly epoch: Epoch;
      readonly set: SyncSet | null;
      /** How far its members had flushed. */
      readonly positions: readonly { readonly instance: InstanceName; readonly lsn: Lsn }[];
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
  | {
      readonly type: 'FailoverStarted';
      readonly epoch: Epoch;
      readonly primary: InstanceName;
      readonly trigger: FailoverTrigger;
      readonly lastKnown: LastKnownPosition | null;
      /** An operator's order: candidates beyond the lag limit are allowed, or one is asked for. */
      readonly candidate: InstanceName | null;
      readonly acceptLoss: boolean;
      /** Instances that failed in this outage already and are not tried again. */
      readonly excluded: readonly InstanceName[];
      /** From the last sign of life to this verdict. */
      readonly detectMs: number;
    }
  | { readonly type: 'FailoverAborted'; readonly reason: string }
  | {
      readonly type: 'FailoverCompleted';
      readonly primary: InstanceName;
      readonly phasesMs: PhaseDurations;
      /** Known position of the old primary minus the new one's; null when none was known. */
      readonly lostBytes: bigint | null;
    }
  | {
      readonly type: 'SwitchoverStarted';
      readonly epoch: Epoch;
      readonly from: InstanceName;
      readonly to: InstanceName;
    }
  | { readonly type: 'SwitchoverAbandoned'; readonly reason: string }
  | {
      readonly type: 'SwitchoverCompleted';
      readonly primary: InstanceName;
      readonly phasesMs: PhaseDurations;
    }
  /** What candidates are compared with once this primary is lost. */
  | {
      readonly type: 'PrimaryMeasured';
      readonly instance: InstanceName;
      readonly server: ServerFacts;
    }
  /** After a failover or switchover: every member streams from the new primary. */
  | {
      readonly type: 'StandbysFollowed';
      readonly primary: InstanceName;
      readonly standbys: readonly InstanceName[];
    }
  /** Before a rewind took it away: what the instance had written alone. */
  | {
      readonly type: 'DivergedWalKept';
      readonly instance: InstanceName;
      readonly wal: DivergedWal;
    }
  /** An operator has seen failover `outage` of the ledger: its anti-flap window is closed. */
  | { readonly type: 'FailoverAcknowledged'; readonly outage: number }
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
