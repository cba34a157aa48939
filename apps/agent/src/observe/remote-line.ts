import {
  type ClusterState,
  endpointsOf,
  isArchive,
  type RemotePrimary,
  remoteMember,
  type TimelineRecord,
} from '#libs/cluster';
import { messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { readSourceIdentity, type SourceIdentity, SqlSession } from '#libs/postgres-run';
import type { LocalInstance } from '../postgres/local-instance.ts';
import type { Snapshot } from './snapshot.ts';

const ASK_INTERVAL_MS = 3_000;

/**
 * The timelines of the remote primary, asked of itself while the standby leader does not stream from it:
 * what was written here and never arrived there is to be seen before PostgreSQL is told to follow.
 */
export class RemoteLine {
  #askedMs = Number.NEGATIVE_INFINITY;
  #busy = false;
  #line: readonly TimelineRecord[] | null = null;

  constructor(
    readonly local: LocalInstance,
    readonly log: Logger,
  ) {}

  /** Null while it is not known or not needed. */
  get line(): readonly TimelineRecord[] | null {
    return this.#line;
  }

  look(state: ClusterState, snapshot: Snapshot, nowMs: number): void {
    const { following } = state;
    const leads = following?.leader === this.local.config.instance;
    if (following === undefined || !leads || streams(snapshot)) {
      this.#line = null;
      return;
    }
    const { remote } = following;
    // An archive tells its timelines to PostgreSQL alone, which takes the latest.
    if (isArchive(remote)) {
      this.#line = null;
      return;
    }
    const due = nowMs - this.#askedMs >= ASK_INTERVAL_MS;
    if (this.#busy || !due || this.local.credentials === null) return;
    this.#askedMs = nowMs;
    this.#busy = true;
    void this.#ask(state, remote).finally(() => {
      this.#busy = false;
    });
  }

  async #ask(state: ClusterState, remote: RemotePrimary): Promise<void> {
    for (const { host, port } of endpointsOf(remote)) {
      try {
        const found = await this.#identityAt({ ...remote, host, port });
        if (found === null || found.systemIdentifier !== state.systemIdentifier) continue;
        this.#line = lineOf(found);
        return;
      } catch (error) {
        this.log.debug('remote not asked for its timelines', { host, port, why: messageOf(error) });
      }
    }
  }

  /** A standby there may know less than we do: null. */
  async #identityAt(remote: RemotePrimary): Promise<SourceIdentity | null> {
    if (this.local.credentials === null) return null;
    const server = remoteMember(remote);
    const session = new SqlSession(this.local.remote(server));
    try {
      const [row] = await session.query('SELECT pg_is_in_recovery() AS recovery');
      if (row?.['recovery'] !== false) return null;
    } finally {
      session.close();
    }
    return readSourceIdentity(this.local.replication(server, remote.user));
  }
}

function streams({ sql }: Snapshot): boolean {
  return (
    sql?.kind === 'reachable' &&
    sql.role.kind === 'standby' &&
    sql.role.receiver?.status === 'streaming'
  );
}

function lineOf({ timeline, history }: SourceIdentity): TimelineRecord[] {
  const ids = [...history.ancestors.map((ancestor) => ancestor.timeline), timeline];
  return ids.map((id, position): TimelineRecord => {
    const parent = history.ancestors[position - 1];
    const fork = parent === undefined ? null : { from: parent.timeline, lsn: parent.endLsn };
    return { timeline: id, fork };
  });
}
