import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { archiveWal } from '#libs/backup';
import type { ClusterState, TimelineRecord, WalPosition } from '#libs/cluster';
import { type InstanceName, lsnOf, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { parseWalFileName, type WalFile, walSegmentName } from '#libs/postgres-model';
import {
  askForArchive,
  markArchived,
  type ReachableInstance,
  readControlData,
  waitingForArchive,
} from '#libs/postgres-run';
import type { LocalInstance } from '../postgres/local-instance.ts';
import { walArchiveOf } from '../rebuild/tools-here.ts';

const LOOK_MS = 5_000;
const ARCHIVE_LIMIT_MS = 60_000;

/**
 * A stop does not wait for the archive, and a standby archives nothing: what a primary wrote last before another
 * one took over gets there by its agent, as far as it is part of the cluster's line. Otherwise the archive
 * has a hole. Of a cluster that was demoted that is all up to the record of its stop, without which whoever follows the
 * archive could not be promoted without loss; the cluster goes on from there on another timeline only, so that
 * a segment which is not full stays what it is.
 */
export class LastWal {
  /** Why it is not in the archive yet. */
  problem: string | null = null;
  #segmentBytes: number | null = null;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #busy = false;

  constructor(
    readonly local: LocalInstance,
    readonly log: Logger,
  ) {}

  /** With each look while PostgreSQL is reachable; archives beside it. */
  look(state: ClusterState, { role }: ReachableInstance, nowMs: number): void {
    if (role.kind !== 'standby' || state.postgres.archive === undefined) {
      this.problem = null;
      return;
    }
    if (this.#busy || nowMs - this.#lookedMs < LOOK_MS) return;
    this.#lookedMs = nowMs;
    const end = lastWalOf(state, this.local.config.instance);
    const whole = end !== null && role.timeline === end.timeline && role.replayedLsn >= end.lsn;
    this.#busy = true;
    void this.#archive(state, whole ? end : null).finally(() => {
      this.#busy = false;
    });
  }

  async #archive(state: ClusterState, end: WalPosition | null): Promise<void> {
    const why = await this.#whyNot(state, end).catch(messageOf);
    this.problem =
      why === null ? null : `the last WAL that was written here is not archived yet: ${why}`;
  }

  /** Null: all is archived. */
  async #whyNot(state: ClusterState, end: WalPosition | null): Promise<string | null> {
    const { installation, dataDirectory, config } = this.local;
    if (end === null && waitingForArchive(dataDirectory).length === 0) return null;
    this.#segmentBytes ??= (await readControlData(installation, dataDirectory)).walSegmentBytes;
    const bytes = this.#segmentBytes;
    if (end !== null) {
      const last = walSegmentName(end.timeline, lsnOf(end.lsn - 1n), bytes);
      if (!existsSync(this.#pathOf(last))) return `${last} is not in pg_wal any more`;
      askForArchive(dataDirectory, last);
    }
    for (const file of waitingForArchive(dataDirectory)) {
      const named = parseWalFileName(file, bytes);
      const path = this.#pathOf(file);
      if (named === undefined || !existsSync(path)) continue;
      if (named.timeline !== end?.timeline && !isOfTheLine(state.history, named, bytes)) continue;
      const program = walArchiveOf(state, config);
      if (program === null)
        return `backup.${state.postgres.archive?.tool} of this host archives no WAL`;
      await archiveWal(installation, program, { file, path, timeoutMs: ARCHIVE_LIMIT_MS });
      markArchived(dataDirectory, file);
      this.log.info('archived after another one took over', { file });
    }
    return null;
  }

  #pathOf(file: string): string {
    return join(this.local.dataDirectory, 'pg_wal', file);
  }
}

/** Where this instance ended the writing of its cluster; null: it did not. */
function lastWalOf({ following, lease }: ClusterState, instance: InstanceName): WalPosition | null {
  if (lease.kind === 'NeverGranted' || lease.holder !== instance) return null;
  return following?.stoppedAt ?? null;
}

/** Whole before where its timeline was left, so that every later one of the cluster has it too. */
export function isOfTheLine(
  history: readonly TimelineRecord[],
  file: WalFile,
  segmentBytes: number,
): boolean {
  const forks = history.flatMap(({ fork }) => (fork?.from === file.timeline ? [fork.lsn] : []));
  if (forks.length === 0) return false;
  if (file.kind === 'history') return true;
  const end = file.startLsn + BigInt(segmentBytes);
  return file.kind !== 'partial' && forks.every((lsn) => end <= lsn);
}
