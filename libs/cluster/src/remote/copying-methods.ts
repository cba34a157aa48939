import type { InstanceName } from '#libs/kernel';
import { rebuildPolicyOf } from '../rebuild/order-of.ts';
import { BACKUP_TOOLS, type RebuildMethod } from '../rebuild/policy.ts';
import type { ClusterState } from '../state.ts';
import { followedArchive } from './following.ts';

const FROM_BACKUPS: ReadonlySet<RebuildMethod> = new Set(BACKUP_TOOLS);

/**
 * The methods of the cluster's order that can build this instance anew. Whoever follows an archive alone
 * has no server to be rewound to or copied from: the archive's own tool first, then the other backups.
 */
export function methodsFor(
  state: Pick<ClusterState, 'postgres' | 'following'>,
  instance: InstanceName,
): readonly RebuildMethod[] {
  const { methods } = rebuildPolicyOf(state.postgres);
  const archive = followedArchive(state);
  if (archive === null || (state.following?.leader ?? instance) !== instance) return methods;
  return [archive, ...methods.filter((tool) => tool !== archive && FROM_BACKUPS.has(tool))];
}
