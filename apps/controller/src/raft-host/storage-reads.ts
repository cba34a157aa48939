import type { EventStore } from '#libs/event-store';
import type { FetchRequest, RaftMachine } from '#libs/raft';
import { loadEventStore } from './load-event-store.ts';
import type { HostStorage } from './ports.ts';

type Ports = {
  readonly storage: HostStorage;
  readonly feed: (input: (raft: RaftMachine) => void) => void;
  readonly failed: (error: unknown) => void;
};

/** What the machine wants to be read, beside the loop. */
export class StorageReads {
  constructor(readonly ports: Ports) {}

  /** Entries that left the memory, for a follower that is a little behind. */
  fetch({ to, fromIndex, maxBytes }: FetchRequest): void {
    const { storage, feed, failed } = this.ports;
    storage
      .readEntries(fromIndex, Number.MAX_SAFE_INTEGER, maxBytes)
      .then((entries) => feed((raft) => raft.onFetched(to, fromIndex, entries)), failed);
  }

  /** The whole state as it is on disk. */
  load(loaded: (store: EventStore) => void): void {
    loadEventStore(this.ports.storage).then(loaded, this.ports.failed);
  }
}
