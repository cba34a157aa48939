import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { archiveWal } from '#libs/backup';
import type { ClusterState, WalPosition } from '#libs/cluster';
import { formatLsn, type InstanceName, lsnOf, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { parseWalFileName, walSegmentName } from '#libs/postgres-model';
import {
  askForArchive,
  markArchived,
  type ReachableInstance,
  readControlData,
  waitingForArchive,
} from '#libs/postgres-run';
import type { LocalInstance } from '../postgres/local-instance.ts';
import { walArchiveOf } from '../rebuild/tools-here.ts';

const RETRY_MS = 5_000;
const ARCHIVE_LIMIT_MS = 60_000;

/**
 * A stop does not wait for the archive, and a standby archives nothing: what a demoted primary wrote last, up
 * to the record of its stop, gets there by its agent. Whoever follows the archive could not be promoted
 * without loss otherwise. The cluster goes on from there on another timeline only, so that a segment which
 * is not full stays what it is.
 */
export class LastWal {
  /** Why it is not in the archive yet. */
  problem: string | null = null;
  /** The end that is archived with all before it. */
  #done: WalPosition | null = null;
  #triedMs = Number.NEGATIVE_INFINITY;
  #busy = false;

  constructor(
    readonly local: LocalInstance,
    readonly log: Logger,
  ) {}

  /** With each look while PostgreSQL is reachable; archives beside it. */
  look(state: ClusterState, seen: ReachableInstance, nowMs: number): void {
    const end = lastWalOf(state, this.local.config.instance);
    if (end === null || !isAt(seen, end)) {
      this.problem = null;
      return;
    }
    if (sameEnd(end, this.#done)) return;
    if (this.#busy || nowMs - this.#triedMs < RETRY_MS) return;
    this.#triedMs = nowMs;
    this.#busy = true;
    void this.#archive(state, end).finally(() => {
      this.#busy = false;
    });
  }

  async #archive(state: ClusterState, end: WalPosition): Promise<void> {
    const why = await this.#whyNot(state, end).catch(messageOf);
    if (why === null) {
      this.#done = end;
      this.problem = null;
      return;
    }
    const upTo = `${formatLsn(end.lsn)} of timeline ${end.timeline}`;
    this.problem = `the last WAL of this cluster, up to ${upTo}, is not in its archive yet: ${why}`;
    this.log.warn('last WAL not archived', { upTo, why });
  }

  /** Null: all is archived. */
  async #whyNot(state: ClusterState, end: WalPosition): Promise<string | null> {
    const { installation, dataDirectory, config } = this.local;
    const program = walArchiveOf(state, config);
    if (program === null)
      return `backup.${state.postgres.archive?.tool} of this host archives no WAL`;
    const { walSegmentBytes } = await readControlData(installation, dataDirectory);
    const last = walSegmentName(end.timeline, lsnOf(end.lsn - 1n), walSegmentBytes);
    if (!existsSync(this.#pathOf(last))) return `${last} is not in pg_wal any more`;
    askForArchive(dataDirectory, last);
    for (const file of waitingForArchive(dataDirectory)) {
      const named = parseWalFileName(file, walSegmentBytes);
      if (named?.timeline !== end.timeline) continue;
      const path = this.#pathOf(file);
      await archiveWal(installation, program, { file, path, timeoutMs: ARCHIVE_LIMIT_MS });
      markArchived(dataDirectory, file);
      this.log.info('archived after the end of writing', { file });
    }
    return null;
  }

  #pathOf(file: string): string {
    return join(this.local.dataDirectory, 'pg_wal', file);
  }
}

/** Where this instance ended the writing of its cluster; null: it did not, or nothing is archived. */
function lastWalOf(
  { following, lease, postgres }: ClusterState,
  instance: InstanceName,
): WalPosition | null {
  if (postgres.archive === undefined || lease.kind === 'NeverGranted') return null;
  return lease.holder === instance ? (following?.stoppedAt ?? null) : null;
}

/**
 * What was replayed is whole, where a file of that name alone may be one that PostgreSQL will use again; on a
 * later timeline nobody needs it any more.
 */
function isAt({ role }: ReachableInstance, end: WalPosition): boolean {
  return role.kind === 'standby' && role.timeline === end.timeline && role.replayedLsn >= end.lsn;
}

function sameEnd(a: WalPosition, b: WalPosition | null): boolean {
  return b !== null && a.timeline === b.timeline && a.lsn === b.lsn;
}
