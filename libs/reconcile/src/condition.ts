import type {
  DataDirectory,
  DetachedProof,
  Endpoint,
  SyncSetting,
  TimelineRecord,
} from '#libs/cluster';
import type { Epoch, EpochMs, GuardIncarnation, Lsn, TimelineId } from '#libs/kernel';
import type { PromiseInForce } from '#libs/lease';

type Initialised = Extract<DataDirectory, { kind: 'initialised' }>;

/** What the guard beside this agent is and holds. */
export type GuardView = { readonly incarnation: GuardIncarnation; readonly epoch: Epoch | null };

/** True whatever the instance does. */
export type Surroundings = {
  readonly guard: GuardView;
  /** Present only while no receiver exists and none can come back. */
  readonly detached: DetachedProof | null;
  /** The hand-over of this epoch was given up here: the instance serves on in it. */
  readonly abandonedHandOver: Epoch | null;
  /** The last order to rebuild that was carried out here; its data directory is in place. */
  readonly rebuiltOrder?: number | null;
  /** An earlier copy lies aside, or is just being put back; absent: none. */
  readonly copyAside?: boolean;
  /** Why pg_rewind did not work on what is here; it is not tried again. */
  readonly rewindFailed?: string | null;
  /** What commits wait for, as it was proved to be in force; absent while it is not known. */
  readonly synchronous?: { readonly setting: SyncSetting; readonly order: number | null };
  /** It promised the primary of this epoch to take part in no failover from it (safety 11). */
  readonly promised?: PromiseInForce | null;
  /** Of the PostgreSQL that runs; absent while it is not known. */
  readonly postmasterStartedAt?: EpochMs;
  /** Of the standby leader: the timelines that the remote primary told; null or absent: not known. */
  readonly remoteLine?: readonly TimelineRecord[] | null;
  /** A restarted primary that still keeps its clients out (safety 12). */
  readonly clientsKeptOut?: boolean;
};

/** What the instance is and does at the moment, in the terms that the next step depends on. */
export type ObservedCondition = Surroundings &
  (
    | { readonly kind: 'empty' }
    | { readonly kind: 'unfinished'; readonly work: string }
    | { readonly kind: 'unusable'; readonly why: string }
    | {
        readonly kind: 'stopped';
        readonly systemIdentifier: string;
        readonly own: Pick<Initialised, 'timeline' | 'ancestors'>;
        readonly walEnd: Lsn | null;
        readonly cleanShutdown: boolean;
        /** Since it last served; absent: not known, or long. */
        readonly downForMs?: number;
        /** Why it could not be started, whoever it followed; absent: it can. */
        readonly unstartable?: string;
      }
    | {
        readonly kind: 'starting';
        /** Whether `standby.signal` stands in the data directory. */
        readonly as: 'primary' | 'standby';
        readonly upstream: Endpoint | null;
        /** WAL is fetched from the archive; absent: not known. */
        readonly restores?: boolean;
      }
    | { readonly kind: 'stopping' }
    | {
        readonly kind: 'standby';
        readonly systemIdentifier: string;
        readonly own: Pick<Initialised, 'timeline' | 'ancestors'>;
        /** The furthest of received, replayed and (without a receiver) read from disk. */
        readonly walEnd: Lsn | null;
        readonly receiving: boolean;
        /** Its control file alone has told its timeline: the WAL may go on along later ones. */
        readonly timelineAtLeast?: true;
        /** The primary that the managed configuration names; null when it is detached. */
        readonly upstream: Endpoint | null;
        readonly restores?: boolean;
        /** Why what it needs can be had from nobody any more; null while it may be. */
        readonly walGone?: string | null;
      }
    | {
        readonly kind: 'primary';
        readonly timeline: TimelineId;
        readonly readOnly: boolean;
        /** Clients may begin read-write transactions and `standby.signal` stands beneath it. */
        readonly settled: boolean;
      }
    | { readonly kind: 'foreign'; readonly pid: number }
    | { readonly kind: 'unresponsive'; readonly why: string }
  );

export type ConditionKind = ObservedCondition['kind'];
export type ConditionOf<K extends ConditionKind> = Extract<ObservedCondition, { kind: K }>;
