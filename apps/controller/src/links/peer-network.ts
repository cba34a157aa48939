import type { Clock, Prng } from '#libs/kernel';
import {
  ControllerFrame,
  type ControllerMessage,
  decodeControllerMessage,
  decodeRaftMessage,
  encodeControllerMessage,
  encodeRaftMessage,
  type JoinAnswer,
  MalformedMessageError,
  RaftFrame,
  type SeatAnswer,
} from '#libs/protocol';
import type { LogIndex, Member, MemberId, Message } from '#libs/raft';
import {
  type AcceptChannel,
  type ChannelHandler,
  type LinkSecurity,
  type LinkSelf,
  type Peer,
  type PeerConnection,
  PeerLink,
} from '#libs/transport';
import type { Log } from '../log.ts';
import type { PeerLinks } from '../raft-host/ports.ts';
import { OpenConnections } from './open-connections.ts';
import { RoundTrips } from './round-trips.ts';

export type PeerNetworkOptions = {
  readonly self: LinkSelf;
  readonly security: LinkSecurity;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Log;
};

export type PeerNetworkEvents = {
  onRaft(message: Message, incarnation: string): void;
  onMessage(message: ControllerMessage, from: MemberId): void;
  onUp(peer: MemberId): void;
  onDown(peer: MemberId): void;
  /** Of all connections with it, in either direction, the last one ended. */
  onGone(peer: MemberId): void;
  onJoin(peer: Sender, token: string | null, answer: (answer: JoinAnswer) => void): void;
  /** Whoever starts on an empty directory asks before it founds a group. */
  onSeatInquiry(peer: Sender): SeatAnswer;
  /** Others say that this member's seat is gone. */
  onRemoved(index: LogIndex): void;
  /** The log index at which this seat was seen to be gone; null while it is not. */
  removedAt(id: MemberId): LogIndex | null;
  /** True when the seat belongs to another directory than the one that this process runs on. */
  seatTaken(id: MemberId, incarnation: string): boolean;
  /** Others say that this member's seat belongs to another directory. */
  onSeatTaken(): void;
  nameOf(id: MemberId): string | null;
};

export type Sender = Pick<Peer, 'memberId' | 'name' | 'incarnation' | 'groupId' | 'protocol'>;

type Pair = { readonly member: Member; readonly control: PeerLink; readonly bulk: PeerLink };

/**
 * Two warm links to each other member, dialled by the side that sends: control for what must never
 * wait, bulk for entries and snapshots. What others send arrives on the links that they dialled; a
 * member that is not known here (yet) is answered on those.
 */
export class PeerNetwork implements PeerLinks {
  readonly #options: PeerNetworkOptions;
  readonly #pairs = new Map<MemberId, Pair>();
  readonly #accepted = new Map<MemberId, PeerConnection>();
  readonly #connections = new OpenConnections();
  readonly #protocols = new Map<MemberId, number>();
  /** Who listens at the address of each member, as our links found it. */
  readonly #met = new Map<MemberId, string>();
  /** Processes that sit on somebody else's seat: nothing of them is heard. */
  readonly #refused = new Set<string>();
  readonly #roundTrips = new RoundTrips();
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

  get ownName(): string {
    return this.#options.self.name;
  }

  isUp(peer: MemberId): boolean {
    return this.#pairs.get(peer)?.control.state === 'up' && !this.#refused.has(this.#metAt(peer));
  }

  /** Who runs at the member's address; null while it is not connected. */
  incarnationOf(peer: MemberId): string | null {
    return this.isUp(peer) ? this.#metAt(peer) : null;
  }

  /** Again and again: what is known of the seats, and that one is gone, comes through the log. */
  checkSeats(): void {
    for (const [id, connection] of this.#accepted) {
      this.#tellIfRemoved(id, connection);
      this.#refuseIfTaken(id, connection.peer.incarnation, connection);
    }
    for (const [id, { control }] of this.#pairs) {
      if (control.state === 'up') this.#refuseIfTaken(id, this.#metAt(id), control);
    }
  }

  /** The level of the protocol that both sides speak; null while it is not connected. */
  protocolOf(peer: MemberId): number | null {
    return this.isUp(peer) ? (this.#protocols.get(peer) ?? null) : null;
  }

  /** Of its last heartbeat that began a round; null unless this controller leads. */
  roundTripMs(peer: MemberId): number | null {
    return this.#roundTrips.tookMs(peer);
  }

  waitingBytes(peer: MemberId): number {
    const pair = this.#pairs.get(peer);
    return pair === undefined ? 0 : pair.control.waitingBytes + pair.bulk.waitingBytes;
  }

  /** On the links of present members, since they were made. */
  get droppedFrames(): number {
    let dropped = 0;
    for (const { control, bulk } of this.#pairs.values()) {
      dropped += control.droppedFrames + bulk.droppedFrames;
    }
    return dropped;
  }

  get peers(): readonly MemberId[] {
    return [...this.#pairs.keys()];
  }

  send(message: Message): void {
    const pair = this.#pairs.get(message.to);
    const way = this.#wayTo(message.to, isBulk(message) ? pair?.bulk : pair?.control);
    way?.send(RaftFrame.message, encodeRaftMessage(message));
    this.#roundTrips.sent(message, this.#options.clock.monotonicMs());
  }

  /** False when it could not be sent. */
  tell(to: MemberId, message: ControllerMessage): boolean {
    const pair = this.#pairs.get(to);
    const long = message.type === 'httpRequest' || message.type === 'httpAnswer';
    const way = this.#wayTo(to, long ? pair?.bulk : pair?.control);
    return way?.send(ControllerFrame.message, encodeControllerMessage(message)) ?? false;
  }

  tellAll(message: ControllerMessage): void {
    for (const id of this.#pairs.keys()) this.tell(id, message);
  }

  stop(): void {
    for (const pair of this.#pairs.values()) this.#stop(pair);
    this.#pairs.clear();
  }

  /** For both Raft channels of the listener. */
  readonly accept: AcceptChannel = (connection): ChannelHandler => {
    const { memberId, name } = connection.peer;
    const known = this.#events?.nameOf(memberId) ?? null;
    let counted = false;
    if (known !== null && known !== name) {
      connection.close(
        new Error(`'${name}' says that it is member ${memberId}, which is '${known}'`),
      );
    } else if (memberId !== 0) {
      this.#accepted.set(memberId, connection);
      this.#connections.opened(memberId);
      counted = true;
      this.#tellIfRemoved(memberId, connection);
      this.#refuseIfTaken(memberId, connection.peer.incarnation, connection);
    }
    return {
      onFrame: (type, body) => this.#receive(connection.peer, connection, type, body),
      onClose: () => {
        if (this.#accepted.get(memberId) === connection) this.#accepted.delete(memberId);
        if (counted) this.#ended(memberId);
      },
    };
  };

  #ended(id: MemberId): void {
    if (this.#connections.closed(id)) this.#events?.onGone(id);
  }

  /** Whoever left and did not hear of it would ask for votes for ever: it stops when it is told. */
  #tellIfRemoved(memberId: MemberId, connection: PeerConnection): void {
    const index = this.#events?.removedAt(memberId) ?? null;
    if (index === null) return;
    const message = encodeControllerMessage({ type: 'removed', memberId, index });
    connection.send(ControllerFrame.message, message);
  }

  /** An empty directory in the place of the one that voted: it is told, and stops. */
  #refuseIfTaken(id: MemberId, incarnation: string, way: Pick<PeerConnection, 'send'>): void {
    if (this.#events?.seatTaken(id, incarnation) !== true) return;
    const message = encodeControllerMessage({ type: 'seatTaken', memberId: id });
    way.send(ControllerFrame.message, message);
    if (this.#refused.has(incarnation)) return;
    this.#refused.add(incarnation);
    const name = this.#events.nameOf(id);
    this.#options.log.error('a controller runs on another directory than its own', { id, name });
  }

  #metAt(id: MemberId): string {
    return this.#met.get(id) ?? '';
  }

  #wayTo(id: MemberId, link: PeerLink | undefined): Pick<PeerConnection, 'send'> | undefined {
    return link?.state === 'up' ? link : this.#accepted.get(id);
  }

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
    const sender = {
      name: peer,
      memberId: id,
      groupId: self.groupId,
      incarnation: '',
      protocol: 0,
    };
    let isUp = false;
    let told = false;
    const link: PeerLink = new PeerLink({
      host,
      port,
      channel,
      security,
      self,
      expectedName: peer,
      time: { clock, prng },
      onFrame: (type, body) => this.#receive(sender, link, type, body),
      onUp: ({ protocol, incarnation }) => {
        isUp = true;
        told = false;
        this.#connections.opened(id);
        sender.incarnation = incarnation;
        this.#met.set(id, incarnation);
        this.#protocols.set(id, protocol);
        this.#refuseIfTaken(id, incarnation, link);
        if (channel === 'raft-control') this.#events?.onUp(id);
      },
      onDown: (cause) => {
        if (!told) log.warn('controller not connected', { peer, channel, why: cause.message });
        told = true;
        this.#events?.onDown(id);
        if (isUp) this.#ended(id);
        isUp = false;
      },
    });
    return link;
  }

  #receive(peer: Sender, way: Pick<PeerConnection, 'send'>, type: number, body: Uint8Array): void {
    const from = peer.memberId;
    if (type === RaftFrame.message) {
      if (this.#isUnheard(peer)) return;
      const message = decodeRaftMessage(body);
      if (message.from !== from) {
        throw new MalformedMessageError('a Raft message', 'from', `${from}, as the link says`);
      }
      this.#roundTrips.received(message, this.#options.clock.monotonicMs());
      this.#events?.onRaft(message, peer.incarnation);
    } else if (type === ControllerFrame.message) {
      this.#onControllerMessage(decodeControllerMessage(body), peer, way);
    } else {
      throw new MalformedMessageError('a frame', 'type', 'one that controllers send');
    }
  }

  #onControllerMessage(
    message: ControllerMessage,
    peer: Sender,
    way: Pick<PeerConnection, 'send'>,
  ): void {
    if (message.type === 'joinRequest') {
      this.#events?.onJoin(peer, message.token, (answer) => {
        way.send(ControllerFrame.message, encodeControllerMessage({ type: 'joinAnswer', answer }));
      });
    } else if (message.type === 'seatInquiry') {
      const answer = this.#events?.onSeatInquiry(peer);
      if (answer === undefined) return;
      way.send(ControllerFrame.message, encodeControllerMessage({ type: 'seatAnswer', answer }));
    } else if (this.#isUnheard(peer)) {
      // But for a seat anybody may ask, and is told why there is none for it.
    } else if (message.type === 'seatTaken') {
      if (message.memberId === this.#options.self.memberId) this.#events?.onSeatTaken();
    } else if (message.type === 'removed') {
      const own = this.#options.self.memberId;
      if (message.memberId === own && own !== 0) this.#events?.onRemoved(message.index);
    } else {
      this.#events?.onMessage(message, peer.memberId);
    }
  }

  #isUnheard({ incarnation }: Sender): boolean {
    return this.#refused.size > 0 && this.#refused.has(incarnation);
  }

  #stop({ member, control, bulk }: Pair): void {
    for (const link of [control, bulk]) {
      if (link.state === 'up') this.#connections.closed(member.id);
      link.stop();
    }
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
