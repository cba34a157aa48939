import { present } from '#libs/kernel';
import type { LogEntry, LogIndex } from './types.ts';

/** What an entry costs beside its payload: object, index and term on the wire and on disk. */
const ENTRY_OVERHEAD_BYTES = 32;
/** What a membership entry is taken for; it is rare and small. */
const MEMBERSHIP_BYTES = 512;

export function entryBytes(entry: LogEntry): number {
  switch (entry.kind) {
    case 'command':
      return entry.payload.length + ENTRY_OVERHEAD_BYTES;
    case 'membership':
      return MEMBERSHIP_BYTES;
    default:
      return ENTRY_OVERHEAD_BYTES;
  }
}

/** The newest entries of the log, contiguous and in memory; its end is always the end of the log. */
export class EntryWindow {
  #entries: LogEntry[] = [];
  #head = 0;
  #firstIndex: LogIndex;
  #bytes = 0;

  constructor(firstIndex: LogIndex) {
    this.#firstIndex = firstIndex;
  }

  /** Equals `endIndex` when the window is empty. */
  get firstIndex(): LogIndex {
    return this.#firstIndex;
  }

  /** The position after the last entry. */
  get endIndex(): LogIndex {
    return this.#firstIndex + this.#entries.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(entry: LogEntry): void {
    this.#entries.push(entry);
    this.#bytes += entryBytes(entry);
  }

  at(index: LogIndex): LogEntry {
    return present(this.#entries[this.#head + index - this.#firstIndex], 'the entry is in memory');
  }

  /** Entries from `from` (included) to `to` (excluded), both within the window. */
  slice(from: LogIndex, to: LogIndex): readonly LogEntry[] {
    const shift = this.#head - this.#firstIndex;
    return this.#entries.slice(from + shift, to + shift);
  }

  /** As many entries from `from` on as fit into `maxBytes`, at least one. */
  sliceWithin(from: LogIndex, maxBytes: number): readonly LogEntry[] {
    let bytes = 0;
    let to = from;
    const end = this.endIndex;
    while (to < end) {
      bytes += entryBytes(this.at(to));
      if (bytes > maxBytes && to > from) break;
      to += 1;
    }
    return this.slice(from, to);
  }

  truncateFrom(index: LogIndex): void {
    while (this.endIndex > index && this.#entries.length > this.#head) {
      const entry = this.#entries.pop();
      if (entry !== undefined) this.#bytes -= entryBytes(entry);
    }
    if (this.#firstIndex > index) this.reset(index);
  }

  /** Forgets the oldest entries, up to and including `index`, until the rest fits into `keepBytes`. */
  evict(index: LogIndex, keepBytes: number): void {
    while (this.#bytes > keepBytes && this.#firstIndex <= index) {
      if (this.#head >= this.#entries.length) break;
      this.#bytes -= entryBytes(this.at(this.#firstIndex));
      this.#head += 1;
      this.#firstIndex += 1;
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  reset(firstIndex: LogIndex): void {
    this.#entries = [];
    this.#head = 0;
    this.#firstIndex = firstIndex;
    this.#bytes = 0;
  }
}
