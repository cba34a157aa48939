import type { Epoch, EpochMs, GuardIncarnation, InstanceName, TimelineId } from '#libs/kernel';
import type { RebuildOrder } from './rebuild/order-of.ts';
import type { RebuildMethod } from './rebuild/policy.ts';
import type { Remote } from './remote/remote.ts';
import type { MemberRecord, TimelineRecord } from './state.ts';
import type { SyncSetting } from './sync-set/quorum.ts';
import type { SyncSet } from './sync-set/sync-events.ts';
import type { WalPosition } from './wal-position.ts';

/**
 * What one instance should be, derived from the committed state alone, so that there is no queue of
 * orders to lose or to repeat (architecture 2.5).
 */
export type Goal =
  /** Stay as it is; start nothing. */
  | {
      readonly kind: 'wait';
      readonly why: string;
      /** Of the last grant; 0 before the first. */
      readonly throughEpoch: number;
    }
  /** Create the cluster's first data directory; start nothing. */
  | { readonly kind: 'initialise' }
  /** Serve writes in `epoch`, once the guard holds it; promote to `timeline` where on a lower one. */
  | {
      readonly kind: 'primary';
      readonly epoch: Epoch;
      readonly guard: GuardIncarnation;
      readonly timeline: TimelineId;
      readonly systemIdentifier: string;
      /** It served in this epoch already: where it is down now, it was not so ordered. */
      readonly served?: true;
      /** This postmaster is to be replaced by a new one. */
      readonly restart?: { readonly startedAt: EpochMs };
      /** What commits wait for, by order; and what must hold before clients are let in again. */
      readonly synchronous?: PrimarySynchronous;
      /** No commit is to wait, whatever was held from before the mode was switched off. */
      readonly waitsForNobody?: true;
      readonly still?: string;
    }
  /** Serve writes no more: stop within the budget, and have the guard release `epoch`. */
  | {
      readonly kind: 'handOver';
      readonly epoch: Epoch;
      /** Who is to be primary; the remote's name when it is another cluster. */
      readonly to: InstanceName;
      readonly stopBudgetMs: number;
      readonly systemIdentifier: string;
      /** Tells it from one before in the same epoch, which was given up. */
      readonly startedAt: EpochMs;
    }
  /** Stop PostgreSQL at once, whatever state it is in, and have the guard release `epoch`. */
  | { readonly kind: 'yield'; readonly epoch: Epoch }
  /** Receive from no primary of an epoch <= throughEpoch, and say how far the WAL goes. */
  | {
      readonly kind: 'detached';
      readonly throughEpoch: Epoch;
      readonly systemIdentifier: string;
      readonly synchronous?: SyncSetting;
      readonly waitsForNobody?: true;
      /** What it lacks up to there is fetched from this standby, which is detached as well. */
      readonly fetch?: { readonly from: MemberRecord; readonly upTo: WalPosition };
      /** First the copy that a rebuild had put aside is put back in the place of what is there. */
      readonly copyAside?: true;
      /** It failed in this outage and is asked only when nobody else can serve. */
      readonly passedOver?: true;
      readonly still?: string;
    }
  /** Stream from `upstream`, or replay an archive; cloned or rewound first where needed. */
  | {
      readonly kind: 'standby';
      /** Null: there is no server to stream or copy from, only an archive (`remote`). */
      readonly upstream: MemberRecord | null;
      /** The primary, when `upstream` is another standby: rewinds and copies are made from it. */
      readonly source?: MemberRecord;
      /** Followed outside of the cluster, as `upstream` where it is a server: the instance is the standby leader. */
      readonly remote?: Remote;
      /**
       * Rewound from this one: the control file of a standby leader shows a new timeline only with its next
       * restartpoint. Absent: from the primary.
       */
      readonly rewindFrom?: MemberRecord;
      /**
       * The cluster follows another, or its upstream is just promoted: who is further on the same line is no
       * stray, only ahead of the events.
       */
      readonly mayBeAhead?: true;
      /** Fed by the archive alone: `upstream` is the source of copies only. */
      readonly archiveOnly?: true;
      readonly epoch: Epoch;
      readonly timeline: TimelineId;
      readonly history: readonly TimelineRecord[];
      readonly systemIdentifier: string;
      /** True when the leader waits for every byte: poll and report often. */
      readonly hurry: boolean;
      /** The data directory is to be built anew first; null when no order stands. */
      readonly rebuild: RebuildOrder | null;
      /** The cluster's methods; whether a diverged instance is rewound. */
      readonly methods: readonly RebuildMethod[];
      readonly restart?: { readonly startedAt: EpochMs };
      /** What its own commits would wait for, were it promoted. */
      readonly synchronous?: SyncSetting;
      readonly waitsForNobody?: true;
      /** The promise of this epoch's given-up failover does not hold any more. */
      readonly promiseReleased: boolean;
      /** Why nothing is started, stopped, rewound or rebuilt here; absent: it is. */
      readonly still?: string;
    };

export type PrimarySynchronous = {
  readonly order: number;
  readonly setting: SyncSetting;
  readonly committed: SyncSet | null;
};
