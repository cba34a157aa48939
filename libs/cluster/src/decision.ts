import type { EpochMs, InstanceName } from '#libs/kernel';
import type { ConfigureCommand } from './configuration.ts';
import type { ClusterEvent } from './events.ts';
import type { ClusterObservations } from './observations.ts';
import type { RebuildMethod } from './rebuild/policy.ts';
import type { Remote } from './remote/remote.ts';
import type { RuleRefusal } from './rule-refusal.ts';
import type { ClusterState } from './state.ts';
import type { WalPosition } from './wal-position.ts';

export type DecisionInput = {
  readonly state: ClusterState;
  readonly observations: ClusterObservations;
  /** The other clusters of the same controllers; absent where no rule asks. */
  readonly others?: readonly ClusterState[];
  /** The level of the protocol that the group has switched to; absent: what is new is not decided. */
  readonly protocol?: number;
};

/** One batch: recorded whole, at the version it was made on, or not at all. */
export type Decision = { readonly rule: string; readonly events: readonly ClusterEvent[] };

export type OperatorCommand =
  | { readonly type: 'switchover'; readonly to: InstanceName | null }
  | {
      readonly type: 'failover';
      readonly to: InstanceName | null;
      /** Also candidates beyond the lag limit; recorded with the bytes at risk. */
      readonly acceptLoss: boolean;
      /** The copy that a rebuild of `to` had put aside is put back first, while nobody else can serve. */
      readonly copyAside?: true;
    }
  | { readonly type: 'acknowledge' }
  | ConfigureCommand
  | {
      readonly type: 'rebuild';
      readonly instance: InstanceName;
      /** Null: those of the cluster's policy that copy, in their order. */
      readonly method: RebuildMethod | null;
      readonly from: InstanceName | null;
      readonly force: boolean;
    }
  | { readonly type: 'cancelRebuild'; readonly instance: InstanceName }
  | {
      readonly type: 'restart';
      /** Null: all that fit. */
      readonly instances: readonly InstanceName[] | null;
      readonly rolling: boolean;
      readonly onlyPending: boolean;
      readonly role: 'primary' | 'standby' | null;
      /** Not before; null: at once. */
      readonly at: EpochMs | null;
    }
  | { readonly type: 'cancelRestart' }
  | {
      readonly type: 'demoteCluster';
      readonly remote: Remote;
      /**
       * Also while nobody serves, so that it is not known where this cluster stopped writing, and towards an archive
       * that gets what is written last from somebody else.
       */
      readonly acceptUnknown: boolean;
    }
  | {
      readonly type: 'promoteCluster';
      /** Where the other cluster stopped writing, as its demotion said; null: not told. */
      readonly lastWritten: WalPosition | null;
      /** Also when it is not known whether the other cluster writes, or what it wrote is missing here. */
      readonly acceptUnknown: boolean;
    }
  | { readonly type: 'maintenance'; readonly instance: InstanceName; readonly on: boolean }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' };

export type CommandDecision =
  | { readonly kind: 'decided'; readonly decision: Decision }
  /** Nothing to do: it is so already. */
  | { readonly kind: 'satisfied'; readonly why: string }
  | { readonly kind: 'refused'; readonly refusals: readonly RuleRefusal[] };
