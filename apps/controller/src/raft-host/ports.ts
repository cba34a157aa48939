import type { LogIndex, Message, Term } from '#libs/raft';
import type { ReplicaStore } from '#libs/storage';

/** What the host needs of the log store. */
export type HostStorage = Pick<
  ReplicaStore,
  | 'write'
  | 'readEntries'
  | 'get'
  | 'scan'
  | 'compactTo'
  | 'confirm'
  | 'applied'
  | 'firstIndex'
  | 'nearlyFull'
  | 'isolation'
  | 'isolate'
  | 'close'
>;

/** Where messages to other members go: two links per peer, so that votes never wait for snapshots. */
export interface PeerLinks {
  /** Never blocks; drops when the link is down or full, which the protocol repairs. */
  send(message: Message): void;
}

/** Moves snapshots between members, beside the loop. */
export interface SnapshotCarrier {
  /** A follower needs one: send it, then tell the machine how it ended. */
  send(to: number, term: Term): void;
  onChunk(chunk: Extract<Message, { type: 'snapshotChunk' }>): void;
  onAck(ack: Extract<Message, { type: 'snapshotAck' }>): void;
  /** The received snapshot is in force here, up to this index. */
  onRestored(index: LogIndex): void;
}
