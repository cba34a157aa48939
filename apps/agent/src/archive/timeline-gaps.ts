import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fetchWal } from '#libs/backup';
import { type ClusterState, followedArchive } from '#libs/cluster';
import { type Lsn, messageOf, type TimelineId, timelineId } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { timelineHistoryFileName } from '#libs/postgres-model';
import { type ReachableInstance, skipTimelinesBetween } from '#libs/postgres-run';
import type { LocalInstance } from '../postgres/local-instance.ts';
import { walFetchOf } from '../rebuild/tools-here.ts';

/** Of a standby leader that replays nothing: each round starts the archive's tool for every id. */
const ROUND_MS = 15_000;
/** A tool that takes long to start gets longer rests. */
const REST_PER_ROUND = 10;
/** A promotion on a word alone leaves 15 ids free, and so may the one after it. */
const REACH = 33;
const FETCH_LIMIT_MS = 30_000;

/**
 * PostgreSQL asks an archive for the history of each timeline after its own, and stops at the first id
 * that is missing. Ids are given out with gaps, and a primary has the skipped ones in its `pg_wal`, not in
 * its archive: a standby leader that follows the archive would stay on the old timeline for ever. Where a
 * history beyond a gap is in the archive the skipped ids are put here, as on the primary itself.
 */
export class TimelineGaps {
  #dueMs = Number.NEGATIVE_INFINITY;
  #replayed: Lsn | null = null;
  #busy = false;

  constructor(
    readonly local: LocalInstance,
    readonly log: Logger,
  ) {}

  /** With each look while PostgreSQL is reachable; asks beside it. */
  look(state: ClusterState, { role }: ReachableInstance, nowMs: number): void {
    const leads = state.following?.leader === this.local.config.instance;
    if (role.kind !== 'standby' || !leads || followedArchive(state) === null) return;
    if (this.#busy || nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + ROUND_MS;
    const moved = this.#replayed !== role.replayedLsn;
    this.#replayed = role.replayedLsn;
    if (moved) return;
    this.#busy = true;
    void this.#bridge(state, role.timeline).finally(() => {
      const tookMs = performance.now() - nowMs;
      this.#dueMs = nowMs + Math.max(ROUND_MS, tookMs * REST_PER_ROUND);
      this.#busy = false;
    });
  }

  async #bridge(state: ClusterState, current: TimelineId): Promise<void> {
    try {
      const beyond = await this.#beyondAGap(state, current);
      if (beyond === null) return;
      skipTimelinesBetween(this.local.dataDirectory, { after: current, before: beyond });
      this.log.info('the archive goes on beyond a gap of timelines', { from: current, to: beyond });
    } catch (error) {
      this.log.debug('archive not asked for timelines', { why: messageOf(error) });
    }
  }

  /** The first history that PostgreSQL would not come to by itself; null: it comes to all. */
  async #beyondAGap(state: ClusterState, current: TimelineId): Promise<TimelineId | null> {
    const next = current + 1;
    for (let id = next; id < next + REACH; id += 1) {
      if (await this.#isArchived(state, timelineId(id))) return id === next ? null : timelineId(id);
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
      const timeoutMs = FETCH_LIMIT_MS;
      const there = await fetchWal(installation, program, { file, path, timeoutMs });
      return there && existsSync(path);
    } finally {
      rmSync(path, { force: true });
    }
  }
}
