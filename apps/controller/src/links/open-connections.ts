import type { MemberId } from '#libs/raft';

/**
 * How many connections with each member are open, whoever dialled them. A process that ends takes all of
 * them with it at once; what only breaks one of them leaves the others.
 */
export class OpenConnections {
  readonly #open = new Map<MemberId, number>();

  opened(id: MemberId): void {
    this.#open.set(id, (this.#open.get(id) ?? 0) + 1);
  }

  /** True when it was the last one. */
  closed(id: MemberId): boolean {
    const left = (this.#open.get(id) ?? 0) - 1;
    if (left > 0) this.#open.set(id, left);
    else this.#open.delete(id);
    return left === 0;
  }
}
