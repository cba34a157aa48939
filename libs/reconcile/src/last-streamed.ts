import type { DetachedProof, PostgresCondition, Streamed } from '#libs/cluster';
import type { TimelineId } from '#libs/kernel';

/**
 * Until when the WAL receiver of this instance was seen to stream. A detached one has none any more: nobody
 * could tell later whether it had one until the primary was lost, or had been cut off for an hour (safety 18).
 */
export class LastStreamed {
  #timeline: TimelineId | null = null;
  #atMs = 0;

  /** After each look; one that saw nothing changes nothing. */
  looked(postgres: PostgresCondition | null, atMs: number): void {
    if (postgres?.kind !== 'standby' || postgres.receiver?.streaming !== true) return;
    this.#timeline = postgres.timeline;
    this.#atMs = atMs;
  }

  /**
   * What the proof of a detachment that begins now says of it. One that is detached already had no receiver
   * since: what its proof says goes on to hold. Null when no receiver was ever seen to stream.
   */
  before(detached: DetachedProof | null, nowMs: number): Streamed | null {
    if (detached !== null) return detached.streamed ?? null;
    if (this.#timeline === null) return null;
    const beforeDetachMs = Math.max(0, Math.round(nowMs - this.#atMs));
    return { timeline: this.#timeline, beforeDetachMs };
  }
}
