import { bytesText } from '#libs/kernel';
import { DISK_AMPLE_BYTES } from '#libs/storage';
import type { Log } from './log.ts';
import type { HostStorage } from './raft-host/ports.ts';

export type DiskWatchOptions = {
  readonly storage: Pick<HostStorage, 'nearlyFull' | 'availableBytes'>;
  readonly log: Log;
  readonly ownName: string;
  /** Whether this controller leads and serves: a follower refuses nothing, it says who leads. */
  readonly leads: () => boolean;
};

/** What follows from a disk that is nearly full: who looks after it is told, and growth is refused. */
export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #toldNearlyFull = false;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  /** Tells the log once that it is nearly full, and once that it has space again. */
  tick(): void {
    const { log, storage } = this.#options;
    const { nearlyFull, availableBytes } = storage;
    if (nearlyFull === this.#toldNearlyFull) return;
    this.#toldNearlyFull = nearlyFull;
    if (!nearlyFull) {
      log.info('the disk of this controller has space again', { availableBytes });
      return;
    }
    log.warn('the disk of this controller is nearly full', {
      availableBytes,
      consequence: 'what grows is refused while it leads; when nothing is left its process ends',
      wayOut: `free space until ${bytesText(DISK_AMPLE_BYTES)} are available`,
    });
  }

  /** Why nothing that grows is taken now, and what helps; null while it is. Deletes are always taken. */
  get growthRefusal(): string | null {
    const { leads, ownName, storage } = this.#options;
    if (!leads() || !storage.nearlyFull) return null;
    const left = `${bytesText(storage.availableBytes ?? 0)} are left on the disk of ${ownName}`;
    return (
      `${left}, which leads: what grows is refused until ${bytesText(DISK_AMPLE_BYTES)} are. Free space ` +
      'there, or let a controller lead whose disk has some: `matriarch controllers transfer-leader NAME`'
    );
  }
}
