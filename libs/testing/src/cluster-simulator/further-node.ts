import { type ClusterState, lineage, type WalPosition } from '#libs/cluster';
import type { SimNode } from './sim-node.ts';
import { endOf, isPrefix } from './wal.ts';

export type Choice = {
  readonly chosen: SimNode;
  readonly position: WalPosition;
  /** By name, by an operator. */
  readonly asked: boolean;
  readonly refused: ReadonlySet<string>;
  readonly state: ClusterState;
};

/**
 * Who has all that the chosen one has, and more, and was not refused. One that was asked for needs no more than
 * the cluster's history: what others have beyond the fork of a timeline that was left is not part of it.
 */
export function furtherNode(nodes: readonly SimNode[], choice: Choice): SimNode | undefined {
  const { chosen, position, asked, refused, state } = choice;
  const { wal } = chosen.postgres;
  const chain = lineage(state.history);
  const next = chain[chain.findIndex(({ timeline }) => timeline === position.timeline) + 1];
  if (asked && next?.fork != null && next.fork.from === position.timeline) {
    if (position.lsn >= next.fork.lsn) return undefined;
  }
  return nodes.find((other) => {
    if (other === chosen || refused.has(other.name)) return false;
    const member = state.members[other.name] !== undefined;
    if (!member || other.postgres.directory.kind !== 'initialised') return false;
    return isPrefix(wal, other.postgres.wal) && endOf(other.postgres.wal) > endOf(wal);
  });
}
