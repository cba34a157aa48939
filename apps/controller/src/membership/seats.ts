import { DomainError } from '#libs/kernel';
import { directoryOf, isOtherDirectory } from '#libs/protocol';
import type { MemberId } from '#libs/raft';
import type { PeerNetwork } from '../links/peer-network.ts';
import type { Log } from '../log.ts';
import { appliedCommand, ProposalLostError } from '../proposing.ts';
import type { RaftHost } from '../raft-host/raft-host.ts';

/** This seat belongs to a directory that is not ours: with ours, votes and entries were forgotten. */
export class SeatTakenError extends DomainError {
  readonly code = 'SEAT_TAKEN';

  constructor(name: string, id: MemberId) {
    super(
      `the seat ${id} of controller '${name}' belongs to another directory than this one: with that, its ` +
        'votes and what it acknowledged are lost, so it stops. Start it on the directory of before, or ' +
        `\`matriarch controllers remove ${name}\`, then add it anew`,
    );
  }
}

export type SeatsOptions = {
  readonly host: RaftHost;
  readonly network: PeerNetwork;
  readonly log: Log;
  readonly ownIncarnation: string;
};

/**
 * Which directory each seat belongs to, for good. A disk that was replaced, or a directory that was
 * emptied, comes back without its votes under its old id: nobody listens to it.
 */
export class Seats {
  readonly #options: SeatsOptions;
  readonly #recording = new Set<MemberId>();

  constructor(options: SeatsOptions) {
    this.#options = options;
  }

  /** True when a process of this incarnation is not on the directory that has the seat. */
  isTaken(id: MemberId, incarnation: string): boolean {
    return isOtherDirectory(this.#options.host.store.seatTaker(id), incarnation);
  }

  /** The leader's: whoever is connected and has no entry yet gets one. */
  tick(): void {
    const { host, network, ownIncarnation } = this.#options;
    const { self } = host.status();
    for (const { id, name } of host.applies.membership.membership.members) {
      if (host.store.seatTaker(id) !== null || this.#recording.has(id)) continue;
      const incarnation = id === self ? ownIncarnation : network.incarnationOf(id);
      if (incarnation === null || directoryOf(incarnation) === null) continue;
      this.#recording.add(id);
      this.#record(id, name, incarnation).catch((error: unknown) => host.fail(error));
    }
  }

  async #record(id: MemberId, name: string, incarnation: string): Promise<void> {
    const { host, log } = this.#options;
    try {
      await appliedCommand(host, takeSeat(id, incarnation));
      log.info('the seat of a controller is recorded', { id, name });
    } catch (error) {
      if (!(error instanceof ProposalLostError)) throw error;
    } finally {
      this.#recording.delete(id);
    }
  }
}

/** Written once: whoever comes second is refused by the revision. */
export function takeSeat(id: MemberId, incarnation: string) {
  const value = new TextEncoder().encode(incarnation);
  return { type: 'put', key: `controllers/seats/${id}`, value, expectedRevision: 0 } as const;
}
