import { directoryOf } from '#libs/protocol';
import type { MemberId } from '#libs/raft';
import type { Log } from '../log.ts';

export type StraysOptions = {
  /** Who runs at the member's address; null while it is not connected. */
  incarnationOf(id: MemberId): string | null;
  isTaken(id: MemberId, incarnation: string): boolean;
  /** Whether another controller, which is connected, met it astray. */
  isTold(id: MemberId): boolean;
  readonly log: Log;
};

/**
 * Members that were last met on another directory than the one that has their seat: a disk was replaced or
 * emptied, and the process ends again. Nothing else tells it from one that is just down.
 */
export class Strays {
  readonly #options: StraysOptions;
  readonly #seen = new Set<MemberId>();

  constructor(options: StraysOptions) {
    this.#options = options;
  }

  /** While the right one is connected too, somebody else goes by its name, and nothing is missing. */
  came(id: MemberId, name: string | null): void {
    if (this.#isSeated(id) || this.#seen.has(id)) return;
    this.#seen.add(id);
    this.#options.log.error('a controller was started on another directory than its own', {
      ...{ id, name },
    });
  }

  /** A link to whoever answers at its address stands. */
  connected(id: MemberId): void {
    if (this.#isSeated(id)) this.#seen.delete(id);
  }

  /** Those that this controller met itself. */
  get seen(): readonly MemberId[] {
    return [...this.#seen];
  }

  has(id: MemberId): boolean {
    return this.#seen.has(id) || (this.#options.isTold(id) && !this.#isSeated(id));
  }

  /**
   * Whether the process on the seat's own directory is connected. One without a directory is not it: a founder
   * on an empty one answers at the member's address for a moment, until it is refused.
   */
  #isSeated(id: MemberId): boolean {
    const { incarnationOf, isTaken } = this.#options;
    const incarnation = incarnationOf(id);
    if (incarnation === null || directoryOf(incarnation) === null) return false;
    return !isTaken(id, incarnation);
  }
}
