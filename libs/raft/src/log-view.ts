import { assert } from '#libs/kernel';
import { EntryWindow } from './entry-window.ts';
import type { InitialState } from './ports.ts';
import { TermRuns, UNKNOWN_TERM } from './term-runs.ts';
import type { LogEntry, LogIndex, SnapshotMeta, Term } from './types.ts';
import { WriteQueue } from './write-queue.ts';

/**
 * The replicated log as this member sees it. Four marks only ever rise, but for a truncation, which
 * may take back `durableIndex` and nothing committed: applied <= handed to apply <= commit <= last,
 * and nothing is handed to apply before it is durable here.
 */
export class LogView {
  readonly writes = new WriteQueue();
  readonly window: EntryWindow;
  readonly #terms: TermRuns;
  firstIndex: LogIndex;
  lastIndex: LogIndex;
  lastTerm: Term;
  commitIndex: LogIndex;
  appliedIndex: LogIndex;
  /** Up to here, entries were given to the host for applying. */
  applyHandedIndex: LogIndex;
  durableIndex: LogIndex;
  /** Up to here, entries were given to the host for writing. */
  writeHandedIndex: LogIndex;
  snapshotIndex: LogIndex;
  truncateFromPending: LogIndex | null = null;
  snapshotPending: SnapshotMeta | null = null;

  constructor(initial: InitialState) {
    const { snapshot, firstIndex, lastIndex, appliedIndex, tail } = initial;
    const known = firstIndex - 1 === snapshot.index;
    assert(appliedIndex >= snapshot.index, 'the snapshot was restored before the log is opened', {
      appliedIndex,
      snapshotIndex: snapshot.index,
    });
    this.#terms = new TermRuns(
      firstIndex - 1,
      known ? snapshot.term : UNKNOWN_TERM,
      initial.termRuns,
    );
    this.firstIndex = firstIndex;
    this.lastIndex = lastIndex;
    this.lastTerm = this.#terms.termOf(lastIndex);
    this.commitIndex = appliedIndex;
    this.appliedIndex = appliedIndex;
    this.applyHandedIndex = appliedIndex;
    this.durableIndex = lastIndex;
    this.writeHandedIndex = lastIndex;
    this.snapshotIndex = snapshot.index;
    this.window = new EntryWindow(appliedIndex + 1);
    for (const entry of tail) this.window.push(entry);
    assert(this.window.endIndex === lastIndex + 1, 'the tail reaches the end of the log', {
      end: this.window.endIndex,
      lastIndex,
    });
  }

  termOf(index: LogIndex): Term {
    return index > this.lastIndex ? UNKNOWN_TERM : this.#terms.termOf(index);
  }

  lastNotAbove(index: LogIndex, term: Term): LogIndex {
    return this.#terms.lastNotAbove(Math.min(index, this.lastIndex), term);
  }

  /** Raft 5.4.1: a log is at least as new when its last term is higher, or equal and not shorter. */
  isUpToDate(lastIndex: LogIndex, lastTerm: Term): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }

  append(entry: LogEntry): void {
    this.window.push(entry);
    this.lastIndex = entry.index;
    if (entry.term !== this.lastTerm || this.lastIndex === this.firstIndex) {
      this.#terms.append(entry.index, entry.term);
      this.lastTerm = entry.term;
    }
  }

  truncateFrom(index: LogIndex): void {
    assert(index > this.commitIndex, 'nothing committed is ever truncated', {
      index,
      commitIndex: this.commitIndex,
    });
    this.window.truncateFrom(index);
    this.#terms.truncateFrom(index);
    this.lastIndex = index - 1;
    this.lastTerm = this.#terms.termOf(index - 1);
    if (index <= this.writeHandedIndex) {
      this.truncateFromPending = Math.min(this.truncateFromPending ?? index, index);
      this.writeHandedIndex = index - 1;
      this.writes.truncateFrom(index);
      this.durableIndex = Math.min(this.durableIndex, index - 1);
    }
  }

  /** True when more of the log became durable. */
  acknowledgeWrite(seq: number): boolean {
    const durable = this.writes.acknowledge(seq);
    if (durable <= this.durableIndex) return false;
    this.durableIndex = durable;
    return true;
  }

  /** The log becomes empty after a snapshot that covers more than what is committed here. */
  installSnapshot(meta: SnapshotMeta): void {
    this.writes.truncateFrom(1);
    this.#terms.reset(meta.index, meta.term);
    this.window.reset(meta.index + 1);
    this.firstIndex = meta.index + 1;
    this.lastIndex = meta.index;
    this.lastTerm = meta.term;
    this.commitIndex = meta.index;
    this.applyHandedIndex = meta.index;
    this.durableIndex = 0;
    this.writeHandedIndex = meta.index;
    this.snapshotIndex = meta.index;
    this.truncateFromPending = null;
    this.snapshotPending = meta;
  }

  compactTo(index: LogIndex): void {
    // A snapshot that is still being loaded has taken its place meanwhile.
    if (index < this.firstIndex) return;
    assert(index <= this.appliedIndex, 'only what is applied is compacted', {
      index,
      appliedIndex: this.appliedIndex,
    });
    this.#terms.compactTo(index);
    this.firstIndex = index + 1;
    this.window.evict(Math.min(index, this.evictableIndex), 0);
  }

  /** What neither a write nor an apply needs from memory any more. */
  get evictableIndex(): LogIndex {
    return Math.min(this.writeHandedIndex, this.applyHandedIndex);
  }

  /** The last index that may be applied here: committed, and durable on this member. */
  get applicableIndex(): LogIndex {
    return Math.min(this.commitIndex, this.durableIndex);
  }
}
