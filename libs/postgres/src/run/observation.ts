import type { EpochMs, Lsn, TimelineId } from '#libs/kernel';
import type { Conninfo, ServerVersion } from '#libs/postgres-model';
import type { UnreachableClass } from './unreachable.ts';

/** What one look at an instance showed. */
export type InstanceObservation =
  | ReachableInstance
  | {
      readonly kind: 'unreachable';
      readonly reason: UnreachableClass;
      /** What was thrown, for people. */
      readonly detail: string;
      readonly tookMs: number;
    };

export type ReachableInstance = {
  readonly kind: 'reachable';
  readonly systemIdentifier: string;
  readonly version: ServerVersion;
  readonly postmasterStartedAt: EpochMs;
  /** The server's wall clock at the look. */
  readonly observedAt: EpochMs;
  readonly role: PrimaryPosition | StandbyPosition;
  readonly replicas: readonly ReplicaConnection[];
  readonly slots: readonly ReplicationSlot[];
  readonly settings: ObservedSettings;
  /** Settings whose new value waits for a restart. */
  readonly pendingRestart: readonly { readonly name: string; readonly value: string }[];
  readonly tookMs: number;
};

export type PrimaryPosition = {
  readonly kind: 'primary';
  readonly timeline: TimelineId;
  readonly writeLsn: Lsn;
  readonly flushLsn: Lsn;
};

export type StandbyPosition = {
  readonly kind: 'standby';
  /** Of the receiver while there is one, else the highest that the control file vouches for. */
  readonly timeline: TimelineId;
  /** Flushed by the receiver; absent after a restart without one, and then says nothing (safety 7). */
  readonly receivedLsn?: Lsn;
  readonly replayedLsn: Lsn;
  /** Absent until a commit was replayed. */
  readonly lastReplayedCommitAt?: EpochMs;
  readonly replayPaused: boolean;
  readonly receiver?: WalReceiver;
};

export type WalReceiver = {
  readonly pid: number;
  /** `streaming`, `starting`, `waiting` ...: an idle one says `streaming` long after its sender died. */
  readonly status: string;
  readonly receivedTimeline: TimelineId;
  readonly flushedLsn?: Lsn;
  /** The primary's last position as it told the receiver, and when (safety 18). */
  readonly latestEndLsn?: Lsn;
  readonly latestEndAt?: EpochMs;
  readonly lastMessageReceivedAt?: EpochMs;
  readonly slotName?: string;
  readonly senderHost?: string;
  readonly senderPort?: number;
  /** Without the password, as PostgreSQL shows it. */
  readonly conninfo: Conninfo;
};

/** A row of `pg_stat_replication`. */
export type ReplicaConnection = {
  readonly pid: number;
  readonly applicationName: string;
  readonly user: string;
  /** Absent for a Unix socket. */
  readonly clientAddress?: string;
  readonly state: string;
  readonly syncState: string;
  readonly sentLsn?: Lsn;
  readonly writeLsn?: Lsn;
  readonly flushLsn?: Lsn;
  readonly replayLsn?: Lsn;
  readonly connectedAt: EpochMs;
};

export type ReplicationSlot = {
  readonly name: string;
  readonly kind: 'physical' | 'logical';
  readonly active: boolean;
  /** The walsender that streams from it. */
  readonly activePid?: number;
  readonly restartLsn?: Lsn;
  /** Of a logical slot: what its consumer has confirmed. */
  readonly confirmedFlushLsn?: Lsn;
  readonly database?: string;
  readonly plugin?: string;
  /** The oldest transactions that it keeps rows for. */
  readonly xmin?: number;
  readonly catalogXmin?: number;
  /** 13 and later: `reserved`, `extended`, `unreserved` or `lost`. */
  readonly walStatus?: string;
  /** 13 and later: what may be written before it is in danger; absent without a limit. */
  readonly safeWalBytes?: bigint;
  /** 17 and later: the server keeps it on standbys by itself, or has it from the primary. */
  readonly failover?: boolean;
  readonly synced?: boolean;
  readonly temporary: boolean;
};

/** Values in force; the file tells whether ours is the one that counts (safety 2). */
export type ObservedSettings = Readonly<
  Record<string, { readonly value: string; readonly sourceFile?: string }>
>;

/** The settings of which each observation tells the value in force. */
export const OBSERVED_SETTINGS = [
  'synchronous_standby_names',
  'primary_conninfo',
  'primary_slot_name',
  'restore_command',
  'default_transaction_read_only',
  'restart_after_crash',
  'cluster_name',
] as const;
