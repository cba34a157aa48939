import type { ClusterState } from '#libs/cluster';
import type { ClusterView } from './status.ts';

/** What an operator may take while nobody can serve: as the last refusal of the failover offers it. */
export function copiesAsideOf({
  operation,
  lastRefusal,
}: ClusterState): ClusterView['copiesAside'] {
  if (operation.kind !== 'failover' || lastRefusal?.action !== 'failover') return [];
  return lastRefusal.refusals
    .filter(({ rule }) => rule === 'copy-aside')
    .map(({ instance, value, limit }) => ({
      text: `nobody can serve, but ${instance} has ${value}: it is taken by`,
      order: limit.replaceAll('`', ''),
    }));
}
