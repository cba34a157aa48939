import type { InstanceName } from '#libs/kernel';
import type { PostgresDefinition } from '../definition.ts';
import { DEFAULT_REBUILD_POLICY, type RebuildMethod, type RebuildPolicy } from './policy.ts';
import type { RebuildRecord, Rebuilds } from './rebuild-record.ts';

/** What an agent is told to do about its data: part of the goal "standby". */
export type RebuildOrder = Pick<
  RebuildRecord,
  'order' | 'methods' | 'from' | 'force' | 'trigger' | 'reason'
>;

export function rebuildPolicyOf({ rebuild }: PostgresDefinition): RebuildPolicy {
  return rebuild ?? DEFAULT_REBUILD_POLICY;
}

export function rebuildRecordOf(
  state: { readonly rebuilds?: Rebuilds },
  instance: InstanceName,
): RebuildRecord | null {
  return state.rebuilds?.[instance] ?? null;
}

/** Null when none stands. */
export function rebuildOrderOf(
  state: { readonly rebuilds?: Rebuilds },
  instance: InstanceName,
): RebuildOrder | null {
  const record = rebuildRecordOf(state, instance);
  if (record === null || record.cancelled) return null;
  const { order, methods, from, force, trigger, reason } = record;
  return { order, methods, from, force, trigger, reason };
}

/** Methods that change the directory in place, so that nothing can be kept aside. */
export function isInPlace(method: RebuildMethod): boolean {
  return method === 'pg_rewind';
}
