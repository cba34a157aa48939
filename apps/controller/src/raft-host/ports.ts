import type { Message } from '#libs/raft';
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
  | 'availableBytes'
  | 'isolation'
  | 'isolate'
  | 'close'
>;

/** Where messages to other members go: two links per peer, so that votes never wait for snapshots. */
export interface PeerLinks {
  /** Never blocks; drops when the link is down or full, which the protocol repairs. */
  send(message: Message): void;
}
