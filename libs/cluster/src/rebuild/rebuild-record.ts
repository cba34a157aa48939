import type { EpochMs, InstanceName } from '#libs/kernel';
import { unreachable } from '#libs/kernel';
import type { RebuildMethod } from './policy.ts';
import type { MethodFailure, RebuildEvent } from './rebuild-events.ts';

/** The rebuild of one instance that is under way, has come to nothing, or was cancelled. */
export type RebuildRecord = {
  readonly instance: InstanceName;
  /** Sequence of its `RebuildStarted`: what the agent remembers it by. */
  readonly order: number;
  readonly trigger: 'operator' | 'automatic';
  readonly reason: string;
  readonly methods: readonly RebuildMethod[];
  readonly from: InstanceName | null;
  readonly force: boolean;
  readonly startedAt: EpochMs;
  /** The last reason of each method that failed. */
  readonly failures: readonly MethodFailure[];
  readonly progress: {
    readonly method: RebuildMethod;
    readonly doneBytes: bigint;
    readonly totalBytes: bigint;
  } | null;
  /** Nothing is begun by itself again; a new order ends this. */
  readonly cancelled: boolean;
};

export type Rebuilds = Readonly<Record<string, RebuildRecord>>;

/** Every method was tried in vain: the instance needs an operator or a later attempt. */
export function isExhausted({ methods, failures }: RebuildRecord): boolean {
  return methods.every((method) => failures.some((failure) => failure.method === method));
}

export function evolveRebuilds(
  rebuilds: Rebuilds,
  event: RebuildEvent,
  recorded: { readonly sequence: number; readonly at: EpochMs },
): Rebuilds {
  const { instance } = event;
  const { [instance]: known, ...others } = rebuilds;
  if (event.type === 'RebuildStarted') {
    const { trigger, reason, methods, from, force } = event;
    const { sequence: order, at: startedAt } = recorded;
    const begun = { failures: [], progress: null, cancelled: false, startedAt };
    return {
      ...others,
      [instance]: { instance, order, trigger, reason, methods, from, force, ...begun },
    };
  }
  if (known === undefined) return rebuilds;
  switch (event.type) {
    case 'RebuildProgress': {
      const { method, doneBytes, totalBytes } = event;
      return { ...others, [instance]: { ...known, progress: { method, doneBytes, totalBytes } } };
    }
    case 'RebuildMethodFailed': {
      const { method, reason } = event;
      const earlier = known.failures.filter((failure) => failure.method !== method);
      const failures = [...earlier, { method, reason }];
      return { ...others, [instance]: { ...known, failures, progress: null } };
    }
    case 'RebuildCompleted':
    case 'RebuildWithdrawn':
      return others;
    case 'RebuildCancelled':
      return { ...others, [instance]: { ...known, cancelled: true, progress: null } };
    default:
      return unreachable(event);
  }
}
