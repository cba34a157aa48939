import type { MemberId } from '#libs/raft';
import type { PeerNetwork } from '../links/peer-network.ts';
import type { Log } from '../log.ts';

/**
 * Members that were last met on another directory than the one that has their seat: a disk was replaced or
 * emptied, and the process ends again. Nothing else tells it from one that is just down.
 */
export class Strays {
  readonly #seen = new Set<MemberId>();

  constructor(
    readonly network: Pick<PeerNetwork, 'isUp'>,
    readonly log: Log,
  ) {}

  /** While the right one is connected too, somebody else goes by its name, and nothing is missing. */
  came(id: MemberId, name: string | null): void {
    if (this.network.isUp(id) || this.#seen.has(id)) return;
    this.#seen.add(id);
    this.log.error('a controller was started on another directory than the one of its seat', {
      ...{ id, name },
    });
  }

  /** A link to it stands; that of a process on another directory counts as none. */
  connected(id: MemberId): void {
    if (this.network.isUp(id)) this.#seen.delete(id);
  }

  has(id: MemberId): boolean {
    return this.#seen.has(id);
  }
}
