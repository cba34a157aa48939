import type { Expected, ServerAccess } from '#libs/backup';
import type { ClusterState, MemberRecord } from '#libs/cluster';
import { slotNameOf } from '#libs/postgres-model';
import type { LocalInstance } from '../postgres/local-instance.ts';

/** What tools are told of the cluster. */
export function expectedOf(state: ClusterState): Expected {
  return {
    systemIdentifier: state.systemIdentifier,
    timeline: state.history.at(-1)?.timeline ?? null,
  };
}

/** The server that is copied from or rewound to. Our slot is on the primary only. */
export function serverOf(
  local: LocalInstance,
  state: ClusterState,
  source: MemberRecord,
  isPrimary: boolean,
): ServerAccess {
  const { host, port } = source.postgres;
  const sql = local.remote(source);
  const passfile = local.passFile;
  return {
    name: source.name,
    replication: { host, port: String(port), user: state.postgres.replicationUser, passfile },
    rewind: { host, port: String(port), user: sql.user, dbname: sql.database, passfile },
    sql,
    slotName: isPrimary ? slotNameOf(local.config.instance) : null,
  };
}
