import { type Clock, epochMs } from '#libs/kernel';
import type { ControllerMessage, DiskSpace } from '#libs/protocol';
import type { MemberId } from '#libs/raft';
import { PeerClocks } from '../cluster/peer-clocks.ts';
import type { HostStorage } from '../raft-host/ports.ts';
import type { PeerNetwork } from './peer-network.ts';

type Announcement = Extract<ControllerMessage, { type: 'announce' }>;

export type AnnouncementsOptions = {
  readonly network: Pick<PeerNetwork, 'tell' | 'tellAll' | 'isUp'>;
  readonly storage: Pick<HostStorage, 'nearlyFull' | 'availableBytes'>;
  /** Where this controller's HTTP API is. */
  readonly apiAddress: string;
  /** Members that this controller itself met last on another directory than their own. */
  readonly strays: () => readonly MemberId[];
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
};

/** What each controller says, in memory: where its API is, what its disk has left, whom it met astray, what time it is. */
export class Announcements {
  readonly #options: AnnouncementsOptions;
  readonly #heard = new Map<MemberId, Announcement>();
  /** What they say of their clocks. */
  readonly clocks: PeerClocks;
  #told = '';

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
    this.clocks = new PeerClocks(options.clock);
  }

  tell(peer: MemberId): void {
    this.#options.network.tell(peer, this.#own());
  }

  /** Space shrinks all the time and is told now and then; what somebody must act on is told at once. */
  tick(due: boolean): void {
    const { network, storage, strays } = this.#options;
    const urgent = [storage.nearlyFull ? 'nearly full' : '', ...strays()].join();
    if (!due && urgent === this.#told) return;
    this.#told = urgent;
    network.tellAll(this.#own());
  }

  heard(from: MemberId, announcement: Announcement): void {
    this.#heard.set(from, announcement);
    const { wallAtMs } = announcement;
    if (wallAtMs !== null) this.clocks.heard(from, epochMs(wallAtMs));
  }

  /** Undefined when it never said. */
  apiAddressOf(peer: MemberId): string | undefined {
    return this.#heard.get(peer)?.apiAddress;
  }

  /** As it said last; null when it never did. */
  diskOf(peer: MemberId): DiskSpace | null {
    return this.#heard.get(peer)?.disk ?? null;
  }

  /** Somebody who is connected met it astray: a founder asks the other founders, and they may not lead. */
  isToldAstray(id: MemberId): boolean {
    return [...this.#heard].some(
      ([from, { strays }]) => strays.includes(id) && this.#options.network.isUp(from),
    );
  }

  get ownDisk(): DiskSpace | null {
    const { availableBytes, nearlyFull } = this.#options.storage;
    return availableBytes === null ? null : { availableBytes, nearlyFull };
  }

  #own(): Announcement {
    const { apiAddress, strays, clock } = this.#options;
    const wallAtMs = clock.nowMs();
    return { type: 'announce', apiAddress, disk: this.ownDisk, strays: strays(), wallAtMs };
  }
}
