import type { Settings } from '#libs/postgres-model';

/** Until a standby has gone on to the timeline of its new upstream, also on a slow disk. */
const GRACE_MS = 30_000;

/**
 * A standby of a new primary receives the present segment once more, from its beginning, for the new timeline.
 * PostgreSQL fills such a segment with zeros first and syncs it (`wal_init_zero`): in synchronous modes the
 * first commit after a failover waits for these 16 MB. So for a while new segments are only made as long as they
 * will be. Not for longer: on a full disk PostgreSQL notices at the zeros, before it needs the room.
 */
export class SparseSegments {
  #untilMs = Number.NEGATIVE_INFINITY;

  /** The upstream becomes another one. */
  begin(nowMs: number): void {
    this.#untilMs = nowMs + GRACE_MS;
  }

  /** What the files have besides, where an operator says nothing else: also once it is detached or promoted. */
  settings(nowMs: number): Settings {
    return nowMs < this.#untilMs ? { wal_init_zero: 'off' } : {};
  }
}
