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
    const records = new Map<string, Uint8Array>();
    for await (const { key, value } of this.storage.scan({ gte, lt: endOf(prefix), limit })) {
      records.set(key, value);
    }
    for (const [key, write] of fresh) {
      if (key < gte) continue;
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

/** The first key after all that begin with `prefix`, whose last character is no surrogate. */
function endOf(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}
