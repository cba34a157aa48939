import type { InstanceName } from '#libs/kernel';
import type { ClusterEvent, ReleaseReason, RuleRefusal, WalPosition } from './events.ts';
import type { ClusterObservations } from './observations.ts';
import type { ClusterState } from './state.ts';

export type DecisionInput = {
  readonly state: ClusterState;
  readonly observations: ClusterObservations;
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
    }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' };

/** A guard's release as it arrived, from the instance named by its certificate. */
export type ReleaseRequest = {
  readonly instance: InstanceName;
  readonly epoch: number;
  /** Null: an older incarnation of that instance, proved down by the one that asks. */
  readonly guard: string | null;
  readonly reason: ReleaseReason;
  readonly position: WalPosition | null;
};

export type CommandDecision =
  | { readonly kind: 'decided'; readonly decision: Decision }
  /** Nothing to do: it is so already. */
  | { readonly kind: 'satisfied'; readonly why: string }
  | { readonly kind: 'refused'; readonly refusals: readonly RuleRefusal[] };
