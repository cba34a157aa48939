/** Whom a cluster hangs on: its own primary, or a remote one through its standby leader. */
import { type InstanceName, instanceName } from '#libs/kernel';
import type { Endpoint } from '../definition.ts';
import type { BackupTool } from '../rebuild/policy.ts';
import type { ClusterState, MemberRecord } from '../state.ts';
import { isArchive } from './remote.ts';
import { endpointsOf, placeOf, type RemotePrimary } from './remote-primary.ts';

/** What an upstream outside of the cluster is called where members are named. */
export const REMOTE_NAME = instanceName('remote-primary');

const NO_TAGS = { noFailover: true, noLoadBalance: true, failoverPriority: 0 };

/** The remote in the place of a member that is streamed from. */
export function remoteMember(remote: RemotePrimary): MemberRecord {
  const endpoint = placeOf(endpointsOf(remote));
  return { name: REMOTE_NAME, postgres: endpoint, agent: endpoint, tags: NO_TAGS };
}

/** The tool whose archive is followed in the place of a server; null: none is. */
export function followedArchive({ following }: Pick<ClusterState, 'following'>): BackupTool | null {
  return following !== undefined && isArchive(following.remote) ? following.remote.archive : null;
}

/** The remote, when `endpoint` is where it accepts connections; null for a member. */
export function remoteAt(
  { following }: Pick<ClusterState, 'following'>,
  endpoint: Endpoint | null,
): RemotePrimary | null {
  if (following === undefined || endpoint === null) return null;
  const { remote } = following;
  if (isArchive(remote)) return null;
  const { host, port } = placeOf(endpointsOf(remote));
  return host === endpoint.host && port === endpoint.port ? remote : null;
}

/** Whom the standbys hang on: the serving primary, or the standby leader. Null: nobody at present. */
export function rootOf({
  lease,
  following,
}: Pick<ClusterState, 'lease' | 'following'>): InstanceName | null {
  if (following !== undefined) return following.leader;
  return lease.kind === 'Held' && lease.serving ? lease.holder : null;
}
