import type { Channel, PeerIdentity, ProtocolRange } from '#libs/protocol';

/** A process at the other end, as certificate and hello agree. */
export type Peer = PeerIdentity & {
  /** The seat of a controller; 0 for others. */
  readonly memberId: number;
  readonly incarnation: string;
  /** The protocol version both sides speak. */
  readonly protocol: number;
};

/** What a process says of itself in every hello and welcome. */
export type LinkSelf = PeerIdentity & {
  readonly memberId: number;
  readonly incarnation: string;
  /** Instead of what this version speaks: for tests of an upgrade. */
  readonly speaks?: ProtocolRange;
};

/** An accepted link, from the side that listens. */
export interface PeerConnection {
  readonly peer: Peer;
  readonly channel: Channel;
  readonly remoteAddress: string;
  readonly waitingBytes: number;
  readonly droppedFrames: number;
  /** False when the frame was dropped: over the budget, or the link is closed. */
  send(type: number, body: Uint8Array): boolean;
  /** Sends what waits, then closes. */
  end(): void;
  close(cause: Error): void;
}

export type ChannelHandler = {
  readonly onFrame: (type: number, body: Uint8Array) => void;
  readonly onClose: (cause: Error | null) => void;
};

/** Called once for each accepted link of a channel. */
export type AcceptChannel = (connection: PeerConnection) => ChannelHandler;
