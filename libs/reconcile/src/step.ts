import type { Goal, MemberRecord, RebuildOrder, SyncSetting, WalPosition } from '#libs/cluster';
import type { Epoch, TimelineId } from '#libs/kernel';

type ReleaseReason = 'hand-over' | 'postgres-down' | 'guard-replaced' | 'yielded';

/** One act towards a goal, with its reason in words. Each is safe to repeat. */
export type Step = { readonly why: string } & (
  | { readonly kind: 'rest' }
  /** Something is under way that will change the condition by itself. */
  | { readonly kind: 'await' }
  /** The goal cannot be reached from here without somebody else: say so. */
  | { readonly kind: 'reportOnly' }
  | { readonly kind: 'initialise' }
  /** `replaces` what is in the directory: nothing, the rest of unfinished work, or an instance. */
  | {
      readonly kind: 'rebuild';
      readonly order: RebuildOrder;
      /** Null: from an archive alone. */
      readonly upstream: MemberRecord | null;
      readonly timeline: TimelineId;
      readonly replaces: 'nothing' | 'unfinished' | 'instance';
    }
  /** The data must be built anew, which nobody has ordered yet: the leader is asked for it. */
  | { readonly kind: 'needsRebuild' }
  /** Puts the copy that a rebuild had moved aside back in the place of what is there. */
  | { readonly kind: 'putBack' }
  | { readonly kind: 'rewind'; readonly upstream: MemberRecord; readonly timeline: TimelineId }
  /** Reads the end of WAL of a stopped instance, which divergence depends on. */
  | { readonly kind: 'examine' }
  /** `upstream` null without `archiveOnly`: detached, it streams from nobody. */
  | {
      readonly kind: 'startStandby';
      readonly upstream: MemberRecord | null;
      /** Streams from nobody, and is fed by the archive. */
      readonly archiveOnly?: true;
    }
  | {
      readonly kind: 'follow';
      readonly upstream: MemberRecord | null;
      readonly archiveOnly?: true;
    }
  | { readonly kind: 'detach'; readonly throughEpoch: Epoch }
  /** Streams from another detached standby until it has as much, then detaches again. */
  | {
      readonly kind: 'fastForward';
      readonly from: MemberRecord;
      readonly upTo: WalPosition;
      readonly throughEpoch: Epoch;
    }
  | { readonly kind: 'acquireLease'; readonly epoch: Epoch }
  /** `abandons`: a hand-over of this epoch is given up with it. */
  | { readonly kind: 'startPrimary'; readonly epoch: Epoch; readonly abandons: boolean }
  | { readonly kind: 'promote'; readonly epoch: Epoch; readonly timeline: TimelineId }
  /** Makes a primary that just began to serve complete: standby.signal, roles, slots, checkpoint. */
  | { readonly kind: 'settlePrimary'; readonly epoch: Epoch }
  /** `order` null: on a standby, ready for a promotion. */
  | {
      readonly kind: 'setSynchronous';
      readonly setting: SyncSetting;
      readonly order: number | null;
    }
  /** Lets clients in once enough standbys have what the primary was restarted with (safety 12). */
  | { readonly kind: 'admitClients' }
  /** Stopped in an orderly way; what comes after starts it again. */
  | { readonly kind: 'restart'; readonly asPrimary: boolean }
  | { readonly kind: 'stop'; readonly mode: 'fast' | 'immediate' }
  /** Checkpoint while serving, then a fast stop within the budget; beyond it the old primary serves on. */
  | { readonly kind: 'handOver'; readonly epoch: Epoch; readonly stopBudgetMs: number }
  | { readonly kind: 'release'; readonly epoch: Epoch; readonly reason: ReleaseReason }
  | { readonly kind: 'stopForeign'; readonly pid: number }
);

export type StepKind = Step['kind'];
export type StepOf<K extends StepKind> = Extract<Step, { kind: K }>;

export type GoalKind = Goal['kind'];
export type GoalOf<K extends GoalKind> = Extract<Goal, { kind: K }>;

/** Steps after which the instance may accept writes: only with the lease in the guard's hands. */
export const WRITABLE_STEPS: readonly StepKind[] = ['startPrimary', 'promote'];
/** Steps that the leader is asked about once more, naming the order (safety 4). */
export const DESTROYING_STEPS: readonly StepKind[] = ['rewind', 'rebuild', 'putBack'];
