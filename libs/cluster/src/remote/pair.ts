/** Clusters of the same controllers that hold the same data: of them only one may write. */
import type { ClusterState, MemberRecord } from '../state.ts';
import type { WalPosition } from '../wal-position.ts';
import { isArchive, type Remote } from './remote.ts';
import { endpointsOf, type RemotePrimary } from './remote-primary.ts';

/**
 * Those that `state` follows or that follow it. The same system identifier alone is not enough: a copy
 * that was restored from a backup to look at has it too, and may write.
 */
export function pairedWith(state: ClusterState, others: readonly ClusterState[]): ClusterState[] {
  return others.filter(
    (other) =>
      other.name !== state.name &&
      other.systemIdentifier === state.systemIdentifier &&
      (pointsAt(state.following?.remote, other) || pointsAt(other.following?.remote, state)),
  );
}

/** The member of a cluster that `remote` names. */
export function memberAt(
  remote: RemotePrimary,
  members: ClusterState['members'],
): MemberRecord | undefined {
  const places = endpointsOf(remote);
  return Object.values(members).find(({ postgres }) =>
    places.some(({ host, port }) => host === postgres.host && port === postgres.port),
  );
}

/** An archive of this data is that of whoever archives with the same tool: who errs here only asks for more. */
function pointsAt(remote: Remote | undefined, { members, postgres }: ClusterState): boolean {
  if (remote === undefined) return false;
  if (isArchive(remote)) return postgres.archive?.tool === remote.archive;
  return memberAt(remote, members) !== undefined;
}

/** Of several ends of WAL the one that was written last. */
export function latestOf(positions: readonly (WalPosition | null)[]): WalPosition | null {
  return positions.reduce((latest, next) => {
    if (latest === null || next === null) return latest ?? next;
    if (next.timeline !== latest.timeline) return next.timeline > latest.timeline ? next : latest;
    return next.lsn > latest.lsn ? next : latest;
  }, null);
}
