import type { Epoch, GuardIncarnation, InstanceName, Lsn, TimelineId } from '#libs/kernel';
import type { RuleRefusal } from './rule-refusal.ts';
import type { SyncSetting } from './sync-set/quorum.ts';
import type { WalPosition } from './wal-position.ts';

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

/** The right to be primary: who has it, who used it, how it ended. */
export type LeaseEvent =
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
  | { readonly type: 'PrimaryResumed'; readonly epoch: Epoch; readonly instance: InstanceName };

const TYPES: Readonly<Record<LeaseEvent['type'], true>> = {
  LeaseGranted: true,
  LeaseReleased: true,
  LeaseExpired: true,
  LeaseFenced: true,
  Promoted: true,
  PrimaryResumed: true,
};

export function isLeaseEvent(event: { readonly type: string }): event is LeaseEvent {
  return Object.hasOwn(TYPES, event.type);
}
