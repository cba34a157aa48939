import type { StateWrite } from '#libs/event-store';
import type { HostStorage } from './ports.ts';
import { type StateOverlay, valueAfter } from './state-overlay.ts';

export type StateRecord = { readonly key: string; readonly value: Uint8Array };

/** Reads applied state: what is not on disk yet comes from the overlay, the rest from storage. */
export class StateReader {
  constructor(
    readonly storage: Pick<HostStorage, 'get' | 'scan'>,
    readonly overlay: StateOverlay,
  ) {}

  async get(key: string): Promise<Uint8Array | null> {
    const found = this.overlay.find(key);
    return found === null ? this.storage.get(key) : found.value;
  }

  /** Records of `prefix` from key `gte` on, in key order, at most `limit`. */
  async page(prefix: string, gte: string, limit: number): Promise<StateRecord[]> {
    // Taken before the scan begins: a write that reaches the disk meanwhile is then seen twice at most.
    const fresh = this.overlay.under(prefix);
    for (const key of fresh.keys()) if (key < gte) fresh.delete(key);
    const records = new Map<string, Uint8Array>();
    // What is deleted here may still be stored: a page that it left short would be filled with newer
    // records, past those in between.
    const range = { gte, lt: endOf(prefix), limit: limit + deletions(fresh) };
    for await (const { key, value } of this.storage.scan(range)) records.set(key, value);
    for (const [key, write] of fresh) {
      const value = valueAfter(write);
      if (value === null) records.delete(key);
      else records.set(key, value);
    }
    return [...records]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([key, value]) => ({ key, value }));
  }
}

function deletions(writes: ReadonlyMap<string, StateWrite>): number {
  let count = 0;
  for (const { type } of writes.values()) if (type === 'del') count += 1;
  return count;
}

/** The first key after all that begin with `prefix`, whose last character is no surrogate. */
function endOf(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}
