import type { ClusterState } from '#libs/cluster';
import type { InstanceName } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { ensureReplicationRole, ensureRewindRole, type SqlSession } from '#libs/postgres-run';
import type { ClusterCredentials } from '#libs/protocol';

type Log = Pick<Logger, 'info' | 'warn'>;

/**
 * The roles that standbys stream and are rewound with. One that exists is left alone: its password may be
 * another by now.
 *
 * @returns those that were made
 */
export async function ensureOwnRoles(
  sql: SqlSession,
  { replication, rewind }: ClusterCredentials,
): Promise<readonly string[]> {
  const names = [replication.username, rewind.username];
  const rows = await sql.query('SELECT rolname FROM pg_roles WHERE rolname = ANY ($1::text[])', [
    names,
  ]);
  const present = rows.map((row) => row['rolname']);
  const roleOf = ({ username, password }: typeof replication) => ({
    name: username,
    ...(password === null ? {} : { password }),
  });
  if (!present.includes(replication.username)) {
    await ensureReplicationRole(sql, roleOf(replication));
  }
  if (!present.includes(rewind.username)) await ensureRewindRole(sql, roleOf(rewind));
  return names.filter((name) => !present.includes(name));
}

const LOOK_MS = 10_000;

/** Standbys stream on without their role until their next connection, and nobody is rewound: found early. */
export class RoleWatch {
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(readonly log: Log) {}

  /** With each look at a primary. */
  async look(
    { lease }: Pick<ClusterState, 'lease'>,
    asked: {
      readonly instance: InstanceName;
      readonly credentials: ClusterCredentials | null;
      readonly sql: SqlSession;
    },
    nowMs: number,
  ): Promise<void> {
    const { instance, credentials, sql } = asked;
    const serves = lease.kind === 'Held' && lease.serving && lease.holder === instance;
    if (!serves || credentials === null || nowMs - this.#lookedMs < LOOK_MS) return;
    this.#lookedMs = nowMs;
    const made = await ensureOwnRoles(sql, credentials);
    if (made.length > 0) this.log.warn('roles of ours were dropped and are made anew', { made });
  }
}
