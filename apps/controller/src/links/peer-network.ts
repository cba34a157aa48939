import type { Clock, Prng } from '#libs/kernel';
import {
  ControllerFrame,
  type ControllerMessage,
  decodeControllerMessage,
  decodeRaftMessage,
  encodeControllerMessage,
  encodeRaftMessage,
  MalformedMessageError,
  RaftFrame,
} from '#libs/protocol';
import type { Member, MemberId, Message } from '#libs/raft';
import {
  type AcceptChannel,
  type ChannelHandler,
  type LinkSecurity,
  type LinkSelf,
  type PeerConnection,
  PeerLink,
} from '#libs/transport';
import type { Log } from '../log.ts';
import type { PeerLinks } from '../raft-host/ports.ts';

export type PeerNetworkOptions = {
  readonly self: LinkSelf;
  readonly security: LinkSecurity;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Log;
};

export type PeerNetworkEvents = {
  onRaft(message: Message): void;
  onMessage(message: ControllerMessage, from: MemberId): void;
  onUp(peer: MemberId): void;
  onDown(peer: MemberId): void;
};

type Pair = { readonly member: Member; readonly control: PeerLink; readonly bulk: PeerLink };

/**
 * Two warm links to each other member, dialled by the side that sends: control for what must never
 * wait, bulk for entries and snapshots. What others send arrives on the links that they dialled.
 */
export class PeerNetwork implements PeerLinks {
  readonly #options: PeerNetworkOptions;
  readonly #pairs = new Map<MemberId, Pair>();
  #events: PeerNetworkEvents | null = null;

  constructor(options: PeerNetworkOptions) {
    this.#options = options;
  }

  /** Names whom to tell; frames before this are dropped. */
  attach(events: PeerNetworkEvents): void {
    this.#events = events;
  }

  /** Connects to those that are new, and lets those go that left. */
  follow(members: readonly Member[]): void {
    const { self } = this.#options;
    const others = members.filter((member) => member.id !== self.memberId);
    for (const member of others) {
      const known = this.#pairs.get(member.id);
      if (known?.member.address === member.address) continue;
      if (known !== undefined) this.#stop(known);
      this.#pairs.set(member.id, this.#connect(member));
    }
    for (const [id, pair] of this.#pairs) {
      if (others.some((member) => member.id === id)) continue;
      this.#stop(pair);
      this.#pairs.delete(id);
    }
  }

  isUp(peer: MemberId): boolean {
    return this.#pairs.get(peer)?.control.state === 'up';
  }

  get peers(): readonly MemberId[] {
    return [...this.#pairs.keys()];
  }

  send(message: Message): void {
    const pair = this.#pairs.get(message.to);
    if (pair === undefined) return;
    const link = isBulk(message) ? pair.bulk : pair.control;
    link.send(RaftFrame.message, encodeRaftMessage(message));
  }

  /** False when it could not be sent. */
  tell(to: MemberId, message: ControllerMessage): boolean {
    const pair = this.#pairs.get(to);
    if (pair === undefined) return false;
    const long = message.type === 'httpRequest' || message.type === 'httpAnswer';
    const link = long ? pair.bulk : pair.control;
    return link.send(ControllerFrame.message, encodeControllerMessage(message));
  }

  tellAll(message: ControllerMessage): void {
    for (const id of this.#pairs.keys()) this.tell(id, message);
  }

  stop(): void {
    for (const pair of this.#pairs.values()) this.#stop(pair);
    this.#pairs.clear();
  }

  /** For both Raft channels of the listener. */
  readonly accept: AcceptChannel = (connection): ChannelHandler => ({
    onFrame: (type, body) => this.#receive(connection, type, body),
    onClose: () => undefined,
  });

  #connect(member: Member): Pair {
    const control = this.#link(member, 'raft-control');
    const bulk = this.#link(member, 'raft-bulk');
    control.start();
    bulk.start();
    return { member, control, bulk };
  }

  #link(member: Member, channel: 'raft-control' | 'raft-bulk'): PeerLink {
    const { self, security, clock, prng, log } = this.#options;
    const { host, port } = splitAddress(member.address);
    const { id, name: peer } = member;
    let wasUp = true;
    return new PeerLink({
      host,
      port,
      channel,
      security,
      self,
      expectedName: peer,
      time: { clock, prng },
      onFrame: () => undefined,
      onUp: () => {
        wasUp = true;
        if (channel === 'raft-control') this.#events?.onUp(id);
      },
      onDown: (cause) => {
        if (wasUp) log.warn('controller not connected', { peer, channel, why: cause.message });
        wasUp = false;
        this.#events?.onDown(id);
      },
    });
  }

  #receive(connection: PeerConnection, type: number, body: Uint8Array): void {
    const from = connection.peer.memberId;
    if (type === RaftFrame.message) {
      const message = decodeRaftMessage(body);
      if (message.from !== from) {
        throw new MalformedMessageError('a Raft message', 'from', `${from}, as the link says`);
      }
      this.#events?.onRaft(message);
    } else if (type === ControllerFrame.message) {
      this.#events?.onMessage(decodeControllerMessage(body), from);
    } else {
      throw new MalformedMessageError('a frame', 'type', 'one that controllers send');
    }
  }

  #stop(pair: Pair): void {
    pair.control.stop();
    pair.bulk.stop();
  }
}

function isBulk(message: Message): boolean {
  return message.type === 'appendRequest' || message.type === 'snapshotChunk';
}

/** The last colon parts host and port; an IPv6 host stands in brackets. */
function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(at + 1)) };
}
