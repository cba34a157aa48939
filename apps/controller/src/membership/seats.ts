import { type Command, unpackCommand, unpackEnvelope } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { directoryOf, incarnationOn, isOtherDirectory, type SeatAnswer } from '#libs/protocol';
import type { LogEntry, LogIndex, MemberId, Message } from '#libs/raft';
import type { Announcements } from '../links/announcements.ts';
import type { PeerNetwork } from '../links/peer-network.ts';
import type { Log } from '../log.ts';
import { appliedCommand, ProposalLostError } from '../proposing.ts';
import { STORE_PORTS } from '../raft-host/load-event-store.ts';
import type { RaftHost } from '../raft-host/raft-host.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { Strays } from './strays.ts';

const SEATS = 'controllers/seats/';
/** Stands in the place of a directory: the seat is nobody's from now on. */
const NO_DIRECTORY = 'none';

type SeatCommand = Extract<Command, { type: 'put' }>;

/** This seat belongs to a directory that is not ours: with ours, votes and entries were forgotten. */
export class SeatTakenError extends DomainError {
  readonly code = 'SEAT_TAKEN';

  constructor(name: string, id: MemberId) {
    super(
      `the seat ${id} of controller '${name}' belongs to another directory than this one, or this one was put ` +
        'back to an older copy of itself: its votes and what it acknowledged are lost, so it stops. Start it on ' +
        `the directory of before, or \`matriarch controllers remove ${name}\`, then add it anew`,
    );
  }
}

export type SeatsOptions = {
  readonly host: RaftHost;
  readonly network: PeerNetwork;
  readonly log: Log;
  readonly announcements: Pick<Announcements, 'isToldAstray'>;
  readonly ownIncarnation: string;
  /** Entries that were in the log at the start and not applied: nobody may have said yet that they stand. */
  readonly unapplied: readonly LogEntry[];
};

/**
 * Which directory each seat belongs to, for good. A disk that was replaced, or a directory that was
 * emptied, comes back without its votes under its old id: nobody listens to it.
 */
export class Seats {
  readonly #options: SeatsOptions;
  readonly #recording = new Set<MemberId>();
  /** A member that starts alone must know the seats before anybody tells it what is committed. */
  readonly #foundInLog: ReadonlyMap<string, string>;
  /** Up to here that counts; what is applied later says it itself. */
  readonly #foundUpTo: LogIndex;
  readonly #acknowledgements: Acknowledgements;
  readonly strays: Strays;
  /** Processes that lack what their seat had acknowledged, each with its member. */
  readonly #broken = new Map<string, MemberId>();

  constructor(options: SeatsOptions) {
    this.#options = options;
    const { network, log, announcements } = options;
    this.strays = new Strays({
      incarnationOf: (id) => network.incarnationOf(id),
      isTaken: (id, incarnation) => this.isTaken(id, incarnation),
      isTold: (id) => announcements.isToldAstray(id),
      log,
    });
    this.#foundInLog = new Map(options.unapplied.flatMap(seatIn));
    this.#foundUpTo = options.unapplied.at(-1)?.index ?? 0;
    this.#acknowledgements = new Acknowledgements(() => options.host.status());
  }

  /** True when a process of this incarnation is not on the directory that has the seat. */
  isTaken(id: MemberId, incarnation: string): boolean {
    const { host } = this.#options;
    const applied = host.store.seatTaker(id);
    if (isOtherDirectory(applied, incarnation) || this.#broken.has(incarnation)) return true;
    if (host.applies.index >= this.#foundUpTo) return false;
    return isOtherDirectory(this.#foundInLog.get(seatKey(id)) ?? null, incarnation);
  }

  /** As `isTaken`, of a process that comes: it is noted as one that is not on its own directory. */
  refuses(id: MemberId, incarnation: string): boolean {
    const taken = this.isTaken(id, incarnation);
    if (taken) this.strays.came(id, this.#nameOf(id));
    return taken;
  }

  /** It was last met on another directory than the one that has its seat. */
  isStray(id: MemberId): boolean {
    return !this.isLost(id) && this.strays.has(id);
  }

  /** It lacks what it had acknowledged: no process in this seat is heard again until the member is removed. */
  isLost(id: MemberId): boolean {
    const taker = this.#options.host.store.seatTaker(id);
    if (taker !== null && directoryOf(taker) === NO_DIRECTORY) return true;
    return [...this.#broken.values()].includes(id);
  }

  /**
   * False when the sender is not to be heard: its directory lacks what was acknowledged from it, so it may have
   * forgotten a vote as well. Its seat becomes nobody's, through the log, and it is told so.
   */
  keepsItsWord(message: Message, incarnation: string): boolean {
    const index = this.#acknowledgements.brokenBy(message, incarnation);
    if (index === null) return true;
    const { from: id } = message;
    const { network, log } = this.#options;
    const name = this.#nameOf(id);
    const acknowledgedIndex = index;
    log.error('a controller lost what it had acknowledged: replace it', {
      ...{ id, name, acknowledgedIndex },
    });
    this.#broken.set(incarnation, id);
    network.checkSeats();
    return false;
  }

  /** What is known here of the seat of this name, for a process of this incarnation. */
  answer(name: string, incarnation: string): SeatAnswer {
    const { membership, lastIndex } = this.#options.host.status();
    const member = membership.members.find((known) => known.name === name);
    if (member !== undefined) {
      return { seat: this.refuses(member.id, incarnation) ? 'taken' : 'free', lastIndex };
    }
    // Whoever joined and was not told of any member yet knows nothing of this one either.
    return { seat: membership.members.length === 0 ? 'free' : 'none', lastIndex };
  }

  /** The leader's: whoever is connected and has no entry yet gets one. */
  tick(): void {
    const { host, network, ownIncarnation } = this.#options;
    const { self } = host.status();
    for (const [incarnation, id] of this.#broken) this.#vacate(id, incarnation);
    for (const { id, name } of host.applies.membership.membership.members) {
      if (host.store.seatTaker(id) !== null || this.#recording.has(id)) continue;
      const incarnation = id === self ? ownIncarnation : network.incarnationOf(id);
      if (incarnation === null || directoryOf(incarnation) === null) continue;
      this.#recording.add(id);
      this.#record(id, name, incarnation).catch((error: unknown) => host.fail(error));
    }
  }

  #vacate(id: MemberId, incarnation: string): void {
    const { host } = this.#options;
    if (isOtherDirectory(host.store.seatTaker(id), incarnation)) this.#broken.delete(incarnation);
    else if (!this.#recording.has(id)) {
      this.#recording.add(id);
      this.#write(id, vacateSeat(id)).catch((error: unknown) => host.fail(error));
    }
  }

  #nameOf(id: MemberId): string | null {
    const { members } = this.#options.host.status().membership;
    return members.find((member) => member.id === id)?.name ?? null;
  }

  async #record(id: MemberId, name: string, incarnation: string): Promise<void> {
    if (!(await this.#write(id, takeSeat(id, incarnation)))) return;
    this.#options.log.info('the seat of a controller is recorded', { id, name });
  }

  /** False when it was lost, with the leadership say: the next tick, or the next leader, tries again. */
  async #write(id: MemberId, command: SeatCommand): Promise<boolean> {
    try {
      await appliedCommand(this.#options.host, command);
      return true;
    } catch (error) {
      if (!(error instanceof ProposalLostError)) throw error;
      return false;
    } finally {
      this.#recording.delete(id);
    }
  }
}

/** Written once: whoever comes second is refused by the revision. */
export function takeSeat(id: MemberId, incarnation: string): SeatCommand {
  const value = new TextEncoder().encode(incarnation);
  return { type: 'put', key: seatKey(id), value, expectedRevision: 0 };
}

/** Of no directory, for good: no process that sits on it is heard, under any leader. */
function vacateSeat(id: MemberId): SeatCommand {
  const value = new TextEncoder().encode(incarnationOn(NO_DIRECTORY, 'lost-what-it-acknowledged'));
  return { type: 'put', key: seatKey(id), value, expectedRevision: null };
}

function seatKey(id: MemberId): string {
  return `${SEATS}${id}`;
}

/** Whether it is committed or not: a leader met this directory on this seat. */
function seatIn(entry: LogEntry): (readonly [key: string, taker: string])[] {
  if (entry.kind !== 'command') return [];
  try {
    const envelope = unpackEnvelope(STORE_PORTS, entry.payload);
    if (envelope.from !== 'controller') return [];
    const command = unpackCommand(STORE_PORTS, envelope.body);
    if (command.type !== 'put' || !command.key.startsWith(SEATS)) return [];
    return [[command.key, new TextDecoder().decode(command.value)]];
  } catch (error) {
    // A malformed command is rejected when it is applied, and was no seat.
    if (!(error instanceof DomainError)) throw error;
    return [];
  }
}
