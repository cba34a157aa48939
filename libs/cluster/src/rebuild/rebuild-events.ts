import type { InstanceName } from '#libs/kernel';
import type { RebuildMethod } from './policy.ts';

export type MethodFailure = { readonly method: RebuildMethod; readonly reason: string };

/** What happens to one instance's data while it is built anew. */
export type RebuildEvent =
  /** From here on the instance is built anew by the first of `methods` that succeeds. */
  | {
      readonly type: 'RebuildStarted';
      readonly instance: InstanceName;
      readonly trigger: 'operator' | 'automatic';
      /** Why it is needed, in words. */
      readonly reason: string;
      readonly methods: readonly RebuildMethod[];
      /** Copied from this member instead of the primary, where the method copies from a server. */
      readonly from: InstanceName | null;
      /** An operator's word: in place, or without a copy aside, also when no other instance has all data. */
      readonly force: boolean;
    }
  /** At most one for each tenth of a method's bytes; does not raise the version. */
  | {
      readonly type: 'RebuildProgress';
      readonly instance: InstanceName;
      readonly method: RebuildMethod;
      readonly doneBytes: bigint;
      readonly totalBytes: bigint;
    }
  /** The next method is tried; after the last one the instance needs an operator or a later attempt. */
  | {
      readonly type: 'RebuildMethodFailed';
      readonly instance: InstanceName;
      readonly method: RebuildMethod;
      readonly reason: string;
      readonly remaining: number;
    }
  /** It streams from the primary, on its timeline, and its lag falls. */
  | {
      readonly type: 'RebuildCompleted';
      readonly instance: InstanceName;
      readonly method: RebuildMethod;
      readonly tookMs: number;
      readonly copiedBytes: bigint;
    }
  | { readonly type: 'RebuildCancelled'; readonly instance: InstanceName }
  /** What the order was about is over: the instance serves as primary. */
  | {
      readonly type: 'RebuildWithdrawn';
      readonly instance: InstanceName;
      readonly reason: string;
    };

/** Since which level of the protocol an order may be withdrawn. */
export const REBUILD_WITHDRAWN_LEVEL = 9;

export function isRebuildEvent(event: { readonly type: string }): event is RebuildEvent {
  return event.type.startsWith('Rebuild');
}
