import type { InstanceName } from '#libs/kernel';
import type { ClusterState } from './state.ts';

/** Whether the cluster begins with data that an earlier system has made. */
export function adopts({ postgres }: ClusterState): boolean {
  return postgres.bootstrap?.adopt !== undefined;
}

/**
 * Whether the PostgreSQL that another system runs on `instance` is to be ended now, so that our guard
 * can start it: Linux hands no running process to another parent. The primary's first, with its standbys
 * still streaming, so that they have everything; theirs once it serves again.
 */
export function isTakenOver(state: ClusterState, instance: InstanceName): boolean {
  if (state.postgres.bootstrap?.adopt?.includes(instance) !== true) return false;
  const { operation, lease } = state;
  if (operation.kind === 'bootstrap') return operation.initialiser === instance;
  return lease.kind === 'Held' && lease.serving && lease.holder !== instance;
}
