import type { Applied, EventStore } from '#libs/event-store';
import type { LogEntry } from '#libs/raft';

type CommandEntry = Extract<LogEntry, { kind: 'command' }>;

/**
 * What one controller stored with each entry that it applied. A later life of it takes that in as it is,
 * as a real one does from its disk: of the entries of a long world 19 of 20 were applied again at a start.
 */
export class AppliedOnDisk {
  readonly #applied: { readonly payload: Uint8Array; readonly applied: Applied }[] = [];

  apply(store: EventStore, { index, payload }: CommandEntry): Applied {
    const stored = this.#applied[index];
    // What was applied was committed: nothing else can lie at this index.
    if (stored === undefined || stored.payload !== payload) {
      const applied = store.apply(index, payload);
      this.#applied.length = Math.min(this.#applied.length, index);
      this.#applied[index] = { payload, applied };
      return applied;
    }
    // Nothing that is deleted here lies in the memory of a store: history, old outages.
    for (const write of stored.applied.writes) {
      if (write.type === 'put') store.restoreRecord(write.key, write.value);
    }
    return stored.applied;
  }
}
