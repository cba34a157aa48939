import type { Epoch, EpochMs, GuardIncarnation, InstanceName, Lsn, TimelineId } from '#libs/kernel';
import type { Endpoint, InstanceTags } from './definition.ts';
import type { DivergedWal } from './diverged-wal.ts';
import type { AsideReport, RebuildReport } from './rebuild/rebuild-report.ts';
import type { RemoteAnswer } from './remote/remote.ts';
import type { SlotReport } from './replication/slot-policy.ts';
import type { PendingRestart } from './restart/pending-restart.ts';
import type { ServerFacts } from './server-facts.ts';
import type { SyncSetting } from './sync-set/quorum.ts';
import type { WalPosition } from './wal-position.ts';

/** What lies in the data directory. */
export type DataDirectory =
  | { readonly kind: 'empty' }
  /** A rewind, clone or initdb began here and did not end: never started (safety 25). */
  | { readonly kind: 'unfinished'; readonly work: string }
  /** Something that is not ours to touch: another PostgreSQL major, a foreign file, no permission. */
  | { readonly kind: 'unusable'; readonly why: string }
  | {
      readonly kind: 'initialised';
      readonly systemIdentifier: string;
      /** End of the last valid WAL record; null while PostgreSQL runs or when not yet read. */
      readonly walEnd: WalPosition | null;
      readonly timeline: TimelineId;
      /** (timeline, where it forked off) of all ancestors, as the history files here say. */
      readonly ancestors: readonly { readonly timeline: TimelineId; readonly forkLsn: Lsn }[];
      readonly cleanShutdown: boolean;
      /** Why PostgreSQL could not start from it, whoever it followed; absent: it can. */
      readonly unstartable?: string;
    };

export type PostgresCondition =
  | { readonly kind: 'stopped' }
  /** Started, does not accept connections (yet); `progress` tells which recovery point it has reached. */
  | {
      readonly kind: 'starting';
      readonly progress: Lsn | null;
      readonly sinceMs: number;
      /** How long `progress` has been the same; absent or 0 while it is not known. */
      readonly stalledForMs?: number;
    }
  | { readonly kind: 'stopping' }
  | {
      readonly kind: 'primary';
      readonly timeline: TimelineId;
      readonly writeLsn: Lsn;
      readonly readOnly: boolean;
      readonly standbys: readonly StandbyConnection[];
      /** Absent where commits wait for nobody. */
      readonly synchronous?: SynchronousInForce;
    }
  | {
      readonly kind: 'standby';
      readonly timeline: TimelineId;
      /** Largest of received and flushed to disk; see `DetachedProof` for a detached standby. */
      readonly receivedLsn: Lsn | null;
      readonly replayedLsn: Lsn | null;
      readonly receiver: {
        readonly streaming: boolean;
        readonly from: Endpoint | null;
        /** What the sender last said of its own end of WAL, and how long ago. */
        readonly latestEndLsn: Lsn | null;
        readonly latestEndAgeMs: number | null;
      } | null;
      /** What its commits would wait for, were it promoted. */
      readonly synchronous?: SynchronousInForce;
    }
  /** A postmaster that our guard did not start. */
  | {
      readonly kind: 'foreign';
      readonly pid: number;
      /** Of one that ran before any guard of ours was here: whether it is a standby by its files. */
      readonly standby?: boolean;
      /** Why it would not be ended although the cluster's file takes it over; absent: it would. */
      readonly keeps?: string;
    }
  /** The process is there but does not answer in time, or refuses for a reason that says nothing of health. */
  | { readonly kind: 'unresponsive'; readonly why: string };

export type SynchronousInForce = {
  /** As `pg_settings` says of our own file; null when another file or nobody sets it. */
  readonly setting: SyncSetting | null;
  /**
   * Nothing of this PostgreSQL can still run another setting: every walsender has reloaded, and the
   * checkpointer has, without which backends may not wait at all.
   */
  readonly proved: boolean;
  /** Of a primary: the order that was proved, and how far it had flushed after that. */
  readonly order: number | null;
  readonly flushedTo: Lsn | null;
  /** Names that commits wait for and that do not stream, and for how long. */
  readonly absent: readonly { readonly name: string; readonly forMs: number }[];
};

export type StandbyConnection = {
  readonly applicationName: string;
  readonly host: string | null;
  readonly state: string;
  readonly flushLsn: Lsn | null;
  readonly replayLsn: Lsn | null;
  readonly syncState: string;
  /** Under the name of a member, from an address that this member's host name has not; else absent. */
  readonly foreign?: boolean;
};

/** "From no primary of an epoch <= throughEpoch", fsynced before it is said (safety 4, 6, 7). */
export type DetachedProof = {
  readonly throughEpoch: Epoch;
  readonly position: WalPosition;
  /** Absent: its agent saw no receiver that streamed, or is of an earlier version. Not known is not true. */
  readonly streamed?: Streamed;
};

/** When the WAL receiver of a detached standby was last seen to stream, on which timeline. */
export type Streamed = { readonly timeline: TimelineId; readonly beforeDetachMs: number };

/**
 * What a standby's agent found when it called the primary itself, over connections of its own: the
 * second signal beside missed renewals (safety 19).
 */
export type PrimaryProbes = {
  readonly primaryInstance: InstanceName;
  /** Of the primary that was probed. */
  readonly epoch: Epoch;
  readonly guardAnswered: boolean;
  readonly agentAnswered: boolean;
  readonly postgresAnswered: boolean;
  /** The WAL receiver's connection was reset, not merely silent. */
  readonly receiverReset: boolean;
  /** Since the probes that this tells of were begun. */
  readonly ageMs: number;
};

/**
 * What does not work at a primary that runs. `wal-flush`: a record written by its agent does not get to
 * disk; `connections`: no new connection is answered. A read would tell neither: pages in memory and
 * sessions that are open already go on.
 */
export type PrimaryStall = {
  readonly of: 'wal-flush' | 'connections';
  readonly forMs: number;
};

/** Parameters that PostgreSQL does not start with, and what it said. */
export type ConfigurationRejected = { readonly revision: number; readonly reason: string };

/** One agent's view of its instance. `actedVersion` is the stream version that it has acted on. */
export type AgentReport = {
  readonly instance: InstanceName;
  readonly actedVersion: number;
  readonly postgresEndpoint: Endpoint;
  readonly agentEndpoint: Endpoint;
  readonly tags: InstanceTags;
  /** `application_name` of its WAL receiver, unique to its data directory (safety 14). */
  readonly replicationName?: string;
  readonly guard: {
    readonly incarnation: GuardIncarnation;
    /** The epoch that the guard renews, and how long its right still lasts; null when it holds none. */
    readonly epoch: Epoch | null;
    readonly remainingMs: number | null;
  } | null;
  readonly dataDirectory: DataDirectory;
  readonly postgres: PostgresCondition;
  readonly detached: DetachedProof | null;
  /** Since the look at PostgreSQL began that this tells of: one that hangs is older with each report. */
  readonly lookAgeMs?: number;
  /** Nothing changes here: the next report may come this much later than usual. Absent: it comes as usual. */
  readonly calmForMs?: number;
  /** Of a standby; null or absent when it did not probe. */
  readonly probes?: PrimaryProbes | null;
  /** How long PostgreSQL has been down although it should run; 0 when it runs. */
  readonly downForMs: number;
  /** Of a primary; null or absent while writes get to disk and connections are answered. */
  readonly stall?: PrimaryStall | null;
  /** Set by a switchover's old primary when it could not stop in time and serves again. */
  readonly abandonedHandOver: Epoch | null;
  /** Why it serves on, in words; null or absent: an older agent's stop took longer than its budget. */
  readonly handOverRefused?: string | null;
  /** Of a standby leader that was told to ask whether another remote can be followed; null or absent: it was not. */
  readonly remoteAnswer?: RemoteAnswer | null;
  /** It takes part in no failover from this epoch for this long; null or absent when it promised nothing. */
  readonly promise?: { readonly epoch: Epoch; readonly remainingMs: number } | null;
  /** Why it would not be promoted now: its own `prePromote` hook failed just before. */
  readonly promotionRefused?: string | null;
  /** Its host or agent is being shut down: it hands over and takes nothing new. */
  readonly leaving?: boolean;
  /** Kept before the last rewind, until it is recorded; null or absent when there is none. */
  readonly divergedWal?: DivergedWal | null;
  /** Of the server that runs, or ran last under this agent; null or absent while none was asked. */
  readonly server?: ServerFacts | null;
  /** Of the PostgreSQL that runs; absent while it does not answer. */
  readonly postmasterStartedAt?: EpochMs;
  /** The present revision, when PostgreSQL does not start with it; null or absent when it does. */
  readonly configurationRejected?: ConfigurationRejected | null;
  /** Settings that wait for a restart, with both values. */
  readonly pendingRestart?: readonly PendingRestart[];
  /** Its replication slots; absent while PostgreSQL does not answer. */
  readonly slots?: readonly SlotReport[];
  /** Left where the data directory or its WAL lies, whichever is less; null when not known. */
  readonly freeBytes?: bigint | null;
  /** What the agent is doing, in words: "clone from pg1, 42 %". */
  readonly activity: string | null;
  /** Why it cannot reach its goal, in words. */
  readonly problem: string | null;
  /** Absent from agents of an earlier version. */
  readonly rebuild?: RebuildReport | null;
  readonly aside?: AsideReport | null;
};
