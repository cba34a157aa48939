import type { LogIndex, RaftMachine } from '#libs/raft';
import type { HostStorage } from './ports.ts';

/** A log longer than this is cut, but for a tail that spares followers a snapshot. */
const COMPACT_AFTER_ENTRIES = 40_000;
const TRAILING_ENTRIES = 20_000;

/** Drops what is applied, durable and not needed by a follower that is a little behind. */
export class Compactor {
  #busy = false;

  constructor(
    readonly storage: Pick<HostStorage, 'applied' | 'firstIndex' | 'compactTo'>,
    readonly feed: (input: (raft: RaftMachine) => void) => void,
    readonly failed: (error: unknown) => void,
  ) {}

  /** Cheap: called at every tick. */
  runWhenDue(): void {
    const appliedIndex = this.storage.applied.index;
    if (this.#busy || appliedIndex - this.storage.firstIndex < COMPACT_AFTER_ENTRIES) return;
    this.#busy = true;
    this.#compact(appliedIndex - TRAILING_ENTRIES).catch(this.failed);
  }

  async #compact(index: LogIndex): Promise<void> {
    const droppedTo = await this.storage.compactTo(index);
    this.#busy = false;
    this.feed((raft) => raft.compactTo(droppedTo));
  }
}
