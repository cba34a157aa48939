import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fetchWal } from '#libs/backup';
import { type ClusterState, isArchive } from '#libs/cluster';
import { type Lsn, messageOf, type TimelineId, timelineId } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { timelineHistoryFileName } from '#libs/postgres-model';
import { type ReachableInstance, skipTimelinesBetween } from '#libs/postgres-run';
import type { LocalInstance } from '../postgres/local-instance.ts';
import { walFetchOf } from '../rebuild/tools-here.ts';

/** Of a standby leader that replays nothing: each round starts the archive's tool for every id. */
const ROUND_MS = 15_000;
/** A promotion on a word alone leaves 15 ids free, and so may the one after it. */
const REACH = 33;
const FETCH_LIMIT_MS = 30_000;

/**
 * PostgreSQL asks an archive for the history of each timeline after its own, and stops at the first id
 * that is missing. Ids are given out with gaps, and a primary has the skipped ones in its `pg_wal`, not in
 * its archive: a standby leader that follows the archive would stay on the old timeline for ever. Where a
 * history beyond a gap is in the archive the skipped ids are put here, as on the primary itself.
 */
export class ArchiveGaps {
  #askedMs = Number.NEGATIVE_INFINITY;
  #replayed: Lsn | null = null;

  constructor(
    readonly local: LocalInstance,
    readonly log: Logger,
    readonly reach = REACH,
  ) {}

  /** To be called while no step runs. */
  async keep(state: ClusterState, { role }: ReachableInstance, nowMs: number): Promise<void> {
    const { following } = state;
    const { instance } = this.local.config;
    if (role.kind !== 'standby' || following?.leader !== instance) return;
    if (!isArchive(following.remote) || nowMs - this.#askedMs < ROUND_MS) return;
    this.#askedMs = nowMs;
    const moved = this.#replayed !== role.replayedLsn;
    this.#replayed = role.replayedLsn;
    if (moved) return;
    const beyond = await this.#beyondAGap(state, role.timeline);
    if (beyond === null) return;
    skipTimelinesBetween(this.local.dataDirectory, { after: role.timeline, before: beyond });
    this.log.info('the archive goes on beyond a gap of timelines', {
      ...{ from: role.timeline, to: beyond },
    });
  }

  /** The first history that PostgreSQL would not come to by itself; null: it comes to all. */
  async #beyondAGap(state: ClusterState, current: TimelineId): Promise<TimelineId | null> {
    const ids = Array.from({ length: this.reach }, (_, index) => timelineId(current + 1 + index));
    for (const [index, id] of ids.entries()) {
      try {
        if (!(await this.#isArchived(state, id))) continue;
      } catch (error) {
        this.log.debug('archive not asked for timelines', { id, why: messageOf(error) });
        return null;
      }
      return index === 0 ? null : id;
    }
    return null;
  }

  async #isArchived(state: ClusterState, id: TimelineId): Promise<boolean> {
    const { installation, config } = this.local;
    const program = walFetchOf(state, config);
    if (program === null) return false;
    const file = timelineHistoryFileName(id);
    const directory = join(config.stateDirectory, 'archive-histories');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, file);
    try {
      const there = await fetchWal(installation, program, {
        file,
        path,
        timeoutMs: FETCH_LIMIT_MS,
      });
      return there && existsSync(path);
    } finally {
      rmSync(path, { force: true });
    }
  }
}
