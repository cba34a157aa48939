import { crc32 } from 'node:zlib';
import type { HardState } from '#libs/raft';
import type { GuardDevice } from './disk.ts';

/**
 * A second witness beside the database, which tells lost data from a crash. Two slots are written in
 * turn, so that a torn write spoils at most the newer one.
 *
 * `hardState` is written in parallel with the batch that carries it and awaited with it: adopting a
 * vote whose batch did not arrive is safe, forgetting one is not. `confirmedBatch` only ever names a
 * batch that was durable before, so a crash between the two files never looks like damage.
 */
export type GuardRecord = {
  readonly hardState: HardState;
  readonly confirmedBatch: number;
  readonly confirmedIndex: number;
};

export type StoredGuard = GuardRecord & { readonly counter: number; readonly slot: 0 | 1 };

const MAGIC = 0x4d_47_55_31;
const RECORD_BYTES = 48;

export function encodeGuard(record: GuardRecord, counter: number): Uint8Array {
  const bytes = Buffer.alloc(RECORD_BYTES);
  bytes.writeUInt32BE(MAGIC, 4);
  const numbers = [
    counter,
    record.hardState.term,
    record.hardState.vote,
    record.confirmedBatch,
    record.confirmedIndex,
  ];
  numbers.forEach((value, position) => {
    bytes.writeDoubleLE(value, 8 + position * 8);
  });
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

/** Null when the slot was never written or is torn. */
export function decodeGuard(bytes: Uint8Array, slot: 0 | 1): StoredGuard | null {
  if (bytes.length < RECORD_BYTES) return null;
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, RECORD_BYTES);
  if (record.readUInt32BE(4) !== MAGIC) return null;
  if (crc32(record.subarray(4)) !== record.readUInt32LE(0)) return null;
  const number = (position: number): number => record.readDoubleLE(8 + position * 8);
  return {
    slot,
    counter: number(0),
    hardState: { term: number(1), vote: number(2) },
    confirmedBatch: number(3),
    confirmedIndex: number(4),
  };
}

/** `written` is false when there is no guard at all, as in a fresh directory. */
export async function readGuard(
  device: GuardDevice,
): Promise<{ readonly written: boolean; readonly newest: StoredGuard | null }> {
  let written = false;
  let newest: StoredGuard | null = null;
  for (const slot of [0, 1] as const) {
    const bytes = await device.read(slot);
    if (bytes === null || bytes.every((byte) => byte === 0)) continue;
    written = true;
    const found = decodeGuard(bytes, slot);
    if (found !== null && found.counter > (newest?.counter ?? 0)) newest = found;
  }
  return { written, newest };
}

/** Writes guard records one at a time; while one is under way only the newest of the rest is kept. */
export class GuardLane {
  #counter: number;
  #slot: 0 | 1;
  #writing: Promise<void> | null = null;
  #next: { record: GuardRecord; promise: Promise<void> } | null = null;

  constructor(
    private readonly device: GuardDevice,
    last: StoredGuard | null,
  ) {
    this.#counter = last?.counter ?? 0;
    this.#slot = last?.slot ?? 1;
  }

  /** Resolves when this record, or a later one that replaced it, is durable. */
  write(record: GuardRecord): Promise<void> {
    if (this.#next !== null) {
      this.#next.record = record;
      return this.#next.promise;
    }
    if (this.#writing === null) return this.#begin(record);
    const waiting = { record, promise: this.#writing.then(() => this.#beginNext()) };
    this.#next = waiting;
    return waiting.promise;
  }

  #beginNext(): Promise<void> {
    const next = this.#next;
    this.#next = null;
    return next === null ? Promise.resolve() : this.#begin(next.record);
  }

  #begin(record: GuardRecord): Promise<void> {
    this.#counter += 1;
    this.#slot = this.#slot === 0 ? 1 : 0;
    const writing = this.device.write(this.#slot, encodeGuard(record, this.#counter)).then(() => {
      if (this.#writing === writing) this.#writing = null;
    });
    this.#writing = writing;
    return writing;
  }
}
