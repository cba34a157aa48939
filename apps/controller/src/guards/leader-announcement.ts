import { type AnnouncedLeader, announcedAfterMs } from '#libs/leader';
import { encode, packGuardAnswer } from '#libs/protocol';
import { inSlices } from '../cluster/in-slices.ts';

export type Told = { pass(packedAnswer: Uint8Array): void };

/**
 * Who leads, told to every connected guard. To thousands that is a good part of a second's work, just when all
 * of them have to renew: so it goes in slices, between which renewals are taken.
 */
export class LeaderAnnouncement {
  #newest = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(readonly guards: () => readonly Told[]) {}

  /** The newest word replaces what was not said yet of the one before. */
  tell(leader: AnnouncedLeader, isSelf: boolean): void {
    this.#newest += 1;
    clearTimeout(this.#timer);
    const number = this.#newest;
    const afterMs = announcedAfterMs(leader, isSelf, this.guards().length);
    if (afterMs === 0) void this.#tellAll(leader, number);
    else if (afterMs !== null) {
      const later = (): void => void this.#tellAll(leader, number);
      this.#timer = setTimeout(later, afterMs).unref();
    }
  }

  async #tellAll(leader: AnnouncedLeader, number: number): Promise<void> {
    const packed = encode(packGuardAnswer({ type: 'leader', ...leader }));
    for await (const _told of inSlices(this.guards(), (guard) => guard.pass(packed))) {
      if (number !== this.#newest) return;
    }
  }
}
