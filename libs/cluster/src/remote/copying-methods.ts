import type { InstanceName } from '#libs/kernel';
import { rebuildPolicyOf } from '../rebuild/order-of.ts';
import { BACKUP_TOOLS, type RebuildMethod } from '../rebuild/policy.ts';
import type { ClusterState } from '../state.ts';
import { isArchive } from './remote.ts';

/**
 * The methods of the cluster's order that can build this instance anew. Whoever follows an archive alone
 * has no server to be rewound to or copied from: the archive's own tool first, then the other backups.
 */
export function methodsFor(
  { postgres, following }: Pick<ClusterState, 'postgres' | 'following'>,
  instance: InstanceName,
): readonly RebuildMethod[] {
  const { methods } = rebuildPolicyOf(postgres);
  if (following === undefined || !isArchive(following.remote)) return methods;
  const { remote, leader } = following;
  if (leader !== null && leader !== instance) return methods;
  const others = BACKUP_TOOLS.filter((tool) => tool !== remote.archive && methods.includes(tool));
  return [remote.archive, ...others.sort((a, b) => methods.indexOf(a) - methods.indexOf(b))];
}
