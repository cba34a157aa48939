import type { StateWrite } from '#libs/event-store';
import { unreachable } from '#libs/kernel';
import type { StateWrite as StoredWrite } from '#libs/storage';

/** State writes ride on the next log batch once they are this many, or this old. */
const RIDE_BYTES = 512 * 1_024;
const RIDE_AGE_MS = 100;
/** What a record counts whose bytes are made only when it is written. */
const LATEST_BYTES = 128;

type Found = { readonly value: Uint8Array | null };

/**
 * Applied effects that are not on disk yet: newest value per key. What is here can be made again from
 * the log, so it may wait; the applied index on disk only moves together with it.
 */
export class StateOverlay {
  #waiting = new Map<string, StateWrite>();
  #flushing: ReadonlyMap<string, StateWrite> | null = null;
  #waitingBytes = 0;
  #waitingSinceMs = 0;

  add(writes: readonly StateWrite[], nowMs: number): void {
    if (this.#waiting.size === 0) this.#waitingSinceMs = nowMs;
    for (const write of writes) {
      this.#waiting.set(write.key, write);
      this.#waitingBytes += write.key.length + valueBytes(write);
    }
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  isDue(nowMs: number): boolean {
    if (this.#waiting.size === 0) return false;
    return this.#waitingBytes > RIDE_BYTES || nowMs - this.#waitingSinceMs > RIDE_AGE_MS;
  }

  /** Hands everything over for one write; it stays readable here until `flushed`. */
  take(): StoredWrite[] {
    const taken = this.#waiting;
    this.#flushing = taken;
    this.#waiting = new Map();
    this.#waitingBytes = 0;
    return Array.from(taken.values(), stored);
  }

  flushed(): void {
    this.#flushing = null;
  }

  clear(): void {
    this.#waiting = new Map();
    this.#waitingBytes = 0;
  }

  /** Null when storage is to be asked. A found null value: deleted. */
  find(key: string): Found | null {
    const write = this.#waiting.get(key) ?? this.#flushing?.get(key);
    if (write === undefined) return null;
    return { value: valueAfter(write) };
  }

  /** Newest write per key that begins with `prefix`, unordered. */
  under(prefix: string): Map<string, StateWrite> {
    const found = new Map<string, StateWrite>();
    for (const writes of [this.#flushing, this.#waiting]) {
      if (writes === null) continue;
      for (const [key, write] of writes) if (key.startsWith(prefix)) found.set(key, write);
    }
    return found;
  }
}

/** What a write leaves under its key; null: nothing. */
export function valueAfter(write: StateWrite): Uint8Array | null {
  switch (write.type) {
    case 'put':
      return write.value;
    case 'latest':
      return write.value();
    case 'del':
      return null;
    default:
      return unreachable(write);
  }
}

function stored(write: StateWrite): StoredWrite {
  return write.type === 'latest' ? { type: 'put', key: write.key, value: write.value() } : write;
}

function valueBytes(write: StateWrite): number {
  if (write.type === 'put') return write.value.length;
  return write.type === 'latest' ? LATEST_BYTES : 0;
}
