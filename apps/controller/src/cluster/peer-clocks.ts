import type { Clock, EpochMs } from '#libs/kernel';
import type { MemberId } from '#libs/raft';

/**
 * What the others' wall clocks show, by when their announcements came. Each is kept against the own monotonic clock,
 * so that a step of the own wall clock is not taken for one of theirs.
 */
export class PeerClocks {
  /** Wall time there minus monotonic time here, of the last two announcements. */
  readonly #offsetsMs = new Map<MemberId, readonly number[]>();

  constructor(readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>) {}

  heard(peer: MemberId, wallAt: EpochMs): void {
    const before = this.#offsetsMs.get(peer) ?? [];
    this.#offsetsMs.set(peer, [...before.slice(-1), wallAt - this.clock.monotonicMs()]);
  }

  /**
   * By how much at least the own clock is ahead of those of a majority of the group; negative or 0 where it is not.
   * Null while too few were heard twice: an announcement that waited somewhere seems to come from a clock that is
   * behind, so the one that was under way for the shorter time counts.
   */
  aheadOfMostMs(members: readonly MemberId[]): number | null {
    const own = this.clock.nowMs() - this.clock.monotonicMs();
    const aheadMs = members
      .map((member) => this.#offsetsMs.get(member) ?? [])
      .filter((offsets) => offsets.length > 1)
      .map((offsets) => own - Math.max(...offsets))
      .sort((a, b) => b - a);
    const majority = Math.floor(members.length / 2) + 1;
    return aheadMs[majority - 1] ?? null;
  }
}
