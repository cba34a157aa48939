import type { RecordedEvent } from '#libs/cluster';
import type { EventStore } from '#libs/event-store';
import { assert, type Clock } from '#libs/kernel';
import type { ProposalIntake } from '#libs/leader';
import type { LogEntry, LogIndex, Membership, SnapshotMeta, Term } from '#libs/raft';
import type { AppliedMark } from '#libs/storage';
import type { StateOverlay } from './state-overlay.ts';

const SLICE_MS_MAX = 4;
const ENTRIES_PER_LOOK = 32;

/** The newest committed membership that was applied here, and the index of its entry. */
export type MembershipMark = { readonly index: LogIndex; readonly membership: Membership };

export type AppliedPlace = {
  readonly index: LogIndex;
  readonly term: Term;
  readonly membership: MembershipMark;
};

export type EventObserver = (events: readonly RecordedEvent[]) => void;

/** Committed entries on their way into the state machine, in slices that keep the loop turning. */
export class ApplyQueue {
  #entries: LogEntry[] = [];
  #head = 0;
  #suspended = false;
  #index: LogIndex;
  #term: Term;
  #membership: MembershipMark;
  #observers: EventObserver[] = [];
  #barriers: { readonly index: LogIndex; readonly reached: () => void }[] = [];

  constructor(
    public store: EventStore,
    readonly overlay: StateOverlay,
    readonly proposals: ProposalIntake,
    readonly clock: Clock,
    applied: AppliedPlace,
  ) {
    this.#membership = applied.membership;
    this.#index = applied.index;
    this.#term = applied.term;
  }

  get index(): LogIndex {
    return this.#index;
  }

  get membership(): MembershipMark {
    return this.#membership;
  }

  get hasMore(): boolean {
    return !this.#suspended && this.#head < this.#entries.length;
  }

  /** Entries that are handed over and not applied yet. */
  get waiting(): number {
    return this.#entries.length - this.#head;
  }

  /** Called with the events of each applied batch, in log order. */
  observe(observer: EventObserver): void {
    this.#observers.push(observer);
  }

  /** Calls back once everything up to `index` is applied here, at once when it is. */
  whenApplied(index: LogIndex, reached: () => void): void {
    if (index <= this.#index) reached();
    else this.#barriers.push({ index, reached });
  }

  /** A snapshot is about to take the place of the state: nothing is applied or marked until then. */
  suspend(): void {
    this.#suspended = true;
  }

  /**
   * Where the state stands, with its digest: written only together with the effects up to here. Null
   * while the state in memory is not the one that storage has.
   */
  mark(): AppliedMark | null {
    if (this.#suspended) return null;
    const digest = new Uint8Array(4);
    new DataView(digest.buffer).setUint32(0, this.store.digest);
    return { index: this.#index, term: this.#term, digest };
  }

  add(entries: readonly LogEntry[]): void {
    if (entries.length > 0) this.#entries.push(...entries);
  }

  /** A snapshot took the place of everything before it. */
  restoredTo(store: EventStore, { index, term, membership }: SnapshotMeta): void {
    this.#membership = { index, membership };
    this.store = store;
    this.#suspended = false;
    this.#index = index;
    this.#term = term;
    this.#entries = this.#entries.slice(this.#head).filter((entry) => entry.index > index);
    this.#head = 0;
    this.#liftBarriers();
  }

  /** Applies for a few milliseconds; the last index applied, null when there was nothing to do. */
  runSlice(): LogIndex | null {
    if (!this.hasMore) return null;
    const nowMs = this.clock.monotonicMs();
    const endMs = nowMs + SLICE_MS_MAX;
    for (let done = 1; this.#head < this.#entries.length; done += 1) {
      const entry = this.#entries[this.#head];
      this.#head += 1;
      if (entry !== undefined) this.#apply(entry, nowMs);
      if (done % ENTRIES_PER_LOOK === 0 && this.clock.monotonicMs() >= endMs) break;
    }
    if (!this.hasMore) {
      this.#entries = [];
      this.#head = 0;
    }
    this.#liftBarriers();
    return this.#index;
  }

  #liftBarriers(): void {
    if (this.#barriers.length === 0) return;
    const reached = this.#barriers.filter((barrier) => barrier.index <= this.#index);
    this.#barriers = this.#barriers.filter((barrier) => barrier.index > this.#index);
    for (const barrier of reached) barrier.reached();
  }

  #apply(entry: LogEntry, nowMs: number): void {
    const { index, term } = entry;
    assert(index === this.#index + 1, 'entries are applied in order, each once', {
      index,
      appliedIndex: this.#index,
    });
    this.#index = index;
    this.#term = term;
    const owner = this.proposals.take(index, term);
    if (entry.kind === 'membership') this.#membership = { index, membership: entry.membership };
    if (entry.kind !== 'command') return;
    const applied = this.store.apply(index, entry.payload);
    if (applied.writes.length > 0) this.overlay.add(applied.writes, nowMs);
    if (applied.events.length > 0) for (const tell of this.#observers) tell(applied.events);
    owner?.onApplied(index, applied);
  }
}
