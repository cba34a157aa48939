import type { LogIndex, RaftMachine } from '#libs/raft';
import type { HostStorage } from './ports.ts';

export type CompactionLimits = {
  /** A log longer than this is cut. */
  readonly afterEntries: number;
  /** What stays of it, so that a follower that was away for a while needs no snapshot. */
  readonly trailingEntries: number;
};

export const COMPACTION: CompactionLimits = { afterEntries: 40_000, trailingEntries: 20_000 };

/** Drops what is applied, durable and not needed by a follower that is a little behind. */
export class Compactor {
  #busy = false;

  constructor(
    readonly storage: Pick<HostStorage, 'applied' | 'firstIndex' | 'compactTo'>,
    readonly feed: (input: (raft: RaftMachine) => void) => void,
    readonly failed: (error: unknown) => void,
    readonly limits: CompactionLimits,
  ) {}

  /** Cheap: called at every tick. */
  runWhenDue(): void {
    const appliedIndex = this.storage.applied.index;
    const { afterEntries, trailingEntries } = this.limits;
    if (this.#busy || appliedIndex - this.storage.firstIndex < afterEntries) return;
    this.#busy = true;
    this.#compact(appliedIndex - trailingEntries).catch(this.failed);
  }

  async #compact(index: LogIndex): Promise<void> {
    const droppedTo = await this.storage.compactTo(index);
    this.#busy = false;
    this.feed((raft) => raft.compactTo(droppedTo));
  }
}
