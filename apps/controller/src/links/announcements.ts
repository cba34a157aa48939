import type { ControllerMessage, DiskSpace } from '#libs/protocol';
import type { MemberId } from '#libs/raft';
import type { HostStorage } from '../raft-host/ports.ts';
import type { PeerNetwork } from './peer-network.ts';

type Announcement = Extract<ControllerMessage, { type: 'announce' }>;

export type AnnouncementsOptions = {
  readonly network: Pick<PeerNetwork, 'tell' | 'tellAll'>;
  readonly storage: Pick<HostStorage, 'nearlyFull' | 'availableBytes'>;
  /** Where this controller's HTTP API is. */
  readonly apiAddress: string;
};

/** What each controller says of itself, in memory: where its API is, and what its disk has left. */
export class Announcements {
  readonly #options: AnnouncementsOptions;
  readonly #heard = new Map<MemberId, Announcement>();
  #toldNearlyFull = false;

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
  }

  tell(peer: MemberId): void {
    this.#options.network.tell(peer, this.#own());
  }

  /** Space shrinks all the time and is told now and then; that it runs out is told at once. */
  tick(due: boolean): void {
    const { network, storage } = this.#options;
    if (!due && storage.nearlyFull === this.#toldNearlyFull) return;
    this.#toldNearlyFull = storage.nearlyFull;
    network.tellAll(this.#own());
  }

  heard(from: MemberId, announcement: Announcement): void {
    this.#heard.set(from, announcement);
  }

  /** Undefined when it never said. */
  apiAddressOf(peer: MemberId): string | undefined {
    return this.#heard.get(peer)?.apiAddress;
  }

  /** As it said last; null when it never did. */
  diskOf(peer: MemberId): DiskSpace | null {
    return this.#heard.get(peer)?.disk ?? null;
  }

  get ownDisk(): DiskSpace | null {
    const { availableBytes, nearlyFull } = this.#options.storage;
    return availableBytes === null ? null : { availableBytes, nearlyFull };
  }

  #own(): Announcement {
    return { type: 'announce', apiAddress: this.#options.apiAddress, disk: this.ownDisk };
  }
}
