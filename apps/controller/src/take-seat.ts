import { randomBytes } from 'node:crypto';
import type { ControllerConfig } from '#libs/config';
import { formatAddress, seededPrng } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { incarnationOn, type ProtocolRange } from '#libs/protocol';
import type { LogEntry } from '#libs/raft';
import type { LinkSecurity, LinkSelf, TlsCredentials } from '#libs/transport';
import { PeerNetwork } from './links/peer-network.ts';
import { type AdmissionOptions, awaitAdmission } from './membership/await-admission.ts';
import { Founding } from './membership/founding.ts';
import { openReplica, type Replica } from './raft-host/open-replica.ts';
import { openSeat, type SeatEntry } from './raft-host/open-seat.ts';
import { systemClock } from './system-clock.ts';

export type SeatRequest = {
  readonly config: ControllerConfig;
  readonly log: Logger;
  readonly onFatal: (error: unknown) => void;
  readonly foundWithout: readonly string[];
  readonly signal: AbortSignal | null;
  readonly speaks: ProtocolRange;
  readonly identity: TlsCredentials['identity'];
  readonly security: LinkSecurity;
};

/** One member of the group, as its directory says, not yet at work. */
export type Seat = {
  readonly self: LinkSelf;
  readonly founding: Founding;
  readonly network: PeerNetwork;
  readonly replica: Replica;
  /** Of its log, what was not applied. */
  readonly unapplied: readonly LogEntry[];
};

/** Drawn once per process: election timeouts must differ between members. */
const seed = randomBytes(4).readUInt32BE(0);

/** Opens the seat that the directory has, or comes by one: in a group that is founded, or at the door of one. */
export async function takeSeat(request: SeatRequest): Promise<Seat> {
  const { config, log, onFatal, security, identity, speaks, signal } = request;
  const { name, timing, stateDirectory: directory } = config;
  const started = randomBytes(8).toString('hex');
  const directoryId = randomBytes(8).toString('hex');
  const incarnation = incarnationOn(directoryId, started);
  const stranger = { ...identity, memberId: 0, incarnation, speaks };
  const founding = new Founding({
    ...{ config, security, self: stranger, incarnation: started, log },
    without: request.foundWithout,
    ...(signal === null ? {} : { signal }),
  });
  const entry = entryOf({ config, security, self: stranger, log }, founding);
  const { groupId } = identity;
  const seat = await openSeat({ groupId, name, directory, entry, directoryId });
  const { memberId, directoryId: found, tail: unapplied } = seat.recovered;
  const self = { ...stranger, memberId, incarnation: incarnationOn(found, started) };
  const prng = seededPrng(seed);
  const network = new PeerNetwork({ self, security, clock: systemClock, prng, log });
  const loop = { timing, clock: systemClock, log, seed, onFatal, links: network };
  return { self, founding, network, replica: await openReplica(seat, loop), unapplied };
}

/** What a fresh directory does: found the group, or wait at its door. */
function entryOf(options: AdmissionOptions, founding: Founding): SeatEntry {
  const { controllers, join } = options.config;
  if (join !== null) return { kind: 'join', admitted: () => awaitAdmission(options) };
  const founders = controllers.map(({ name, address }) => ({
    name,
    address: formatAddress(address),
  }));
  return { kind: 'found', founders, mayFound: () => founding.permission() };
}
