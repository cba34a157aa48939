import { decode, encode } from '#libs/protocol';
import type { BackendOperation } from './disk.ts';
import { DamagedRecordError } from './errors.ts';
import { markerKey } from './keys.ts';
import { sealRecord, unsealRecord } from './sealed-record.ts';

/**
 * Every batch writes its number into one of a ring of slots. LevelDB may drop a damaged batch from the
 * middle of its own log without a word; the slot then still holds the number of a round before.
 *
 * The ring must outlast what LevelDB keeps in its log: 8 MiB of memory table hold fewer than 32,768
 * batches, because each batch brings at least 256 bytes of records and their bookkeeping.
 */
export const MARKER_SLOTS = 32_768;

export function markerOf(batch: number): BackendOperation {
  const key = markerKey(batch % MARKER_SLOTS);
  return { type: 'put', key, value: sealRecord(key, encode(batch)) };
}

/** Collects the markers that a scan finds and tells the newest batch, when none before it is missing. */
export class MarkerAudit {
  readonly #batches = new Set<number>();
  #newest = 0;

  /** @throws DamagedRecordError */
  add(key: Uint8Array, record: Uint8Array): void {
    const batch = decode(unsealRecord(key, record));
    if (typeof batch !== 'number') throw new DamagedRecordError('a batch marker is not a number');
    this.#batches.add(batch);
    this.#newest = Math.max(this.#newest, batch);
  }

  /** @throws DamagedRecordError naming the first batch that is missing */
  newestBatch(): number {
    const oldest = Math.max(1, this.#newest - MARKER_SLOTS + 1);
    for (let batch = oldest; batch <= this.#newest; batch += 1) {
      if (!this.#batches.has(batch)) {
        throw new DamagedRecordError(`batch ${batch} is missing, batch ${this.#newest} is there`);
      }
    }
    return this.#newest;
  }
}
