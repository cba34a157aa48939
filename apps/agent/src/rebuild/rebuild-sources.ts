import type { Expected, ServerAccess } from '#libs/backup';
import { type ClusterState, isArchive, type MemberRecord, REMOTE_NAME } from '#libs/cluster';
import { slotNameOf } from '#libs/postgres-model';
import { readSourceIdentity } from '#libs/postgres-run';
import type { LocalInstance } from '../postgres/local-instance.ts';

/**
 * What tools are told of the cluster. One that follows another learns of that one's timelines by streaming only: its
 * copies are on the timeline of whoever they are of, which may be later than all that is recorded here.
 */
export async function expectedFrom(
  state: ClusterState,
  server: Pick<ServerAccess, 'walsender'> | null,
): Promise<Expected> {
  const { systemIdentifier, following, history } = state;
  const recorded = history.at(-1)?.timeline ?? null;
  if (following === undefined) return { systemIdentifier, timeline: recorded };
  if (server === null) return { systemIdentifier, timeline: null };
  try {
    const { timeline } = await readSourceIdentity(server.walsender);
    return { systemIdentifier, timeline };
  } catch {
    // The tool asks it too, and says why it gets no answer.
    return { systemIdentifier, timeline: recorded };
  }
}

/**
 * The server that is copied from or rewound to. Our slot is on the primary only; at a remote one it is
 * the one that the cluster was told of.
 */
export function serverOf(
  local: LocalInstance,
  state: ClusterState,
  source: MemberRecord,
  isPrimary: boolean,
): ServerAccess {
  const { host, port } = source.postgres;
  const followed = source.name === REMOTE_NAME ? state.following?.remote : undefined;
  const remote = followed === undefined || isArchive(followed) ? undefined : followed;
  const user = remote?.user ?? state.postgres.replicationUser;
  const { instance } = local.config;
  // One that never streams has no slot anywhere.
  const streams = isPrimary && state.members[instance]?.tags.noStream !== true;
  const slot = remote === undefined ? slotNameOf(instance) : remote.slot;
  const sql = local.remote(source);
  const passfile = local.passFile;
  return {
    name: source.name,
    replication: { host, port: String(port), user, passfile },
    rewind: { host, port: String(port), user: sql.user, dbname: sql.database, passfile },
    sql,
    walsender: local.replication(source, user),
    streams,
    slotName: streams ? slot : null,
  };
}
