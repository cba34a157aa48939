import type { StateWrite } from '#libs/event-store';

/** State writes ride on the next log batch once they are this many, or this old. */
const RIDE_BYTES = 512 * 1_024;
const RIDE_AGE_MS = 100;

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
      this.#waitingBytes += write.key.length + (write.type === 'put' ? write.value.length : 0);
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
  take(): StateWrite[] {
    const taken = this.#waiting;
    this.#flushing = taken;
    this.#waiting = new Map();
    this.#waitingBytes = 0;
    return [...taken.values()];
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
    return { value: write.type === 'put' ? write.value : null };
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
