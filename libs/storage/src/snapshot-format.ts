import { decode, encode, Fields } from '#libs/protocol';
import { SnapshotRejectedError } from './errors.ts';
import type { AppliedMark } from './replica-state.ts';

/**
 * A snapshot's bytes: a length and a header, then every state record in key order as two lengths, name
 * and value.
 */
const FORMAT_VERSION = 1;
const LENGTHS_BYTES = 8;
const HEADER_LENGTH_BYTES = 4;
const RECORD_BYTES_MAX = 64 * 1_024 * 1_024;

export function snapshotHeader(applied: AppliedMark): Uint8Array {
  const body = encode([FORMAT_VERSION, applied.index, applied.term, applied.digest]);
  const length = Buffer.alloc(HEADER_LENGTH_BYTES);
  length.writeUInt32LE(body.length, 0);
  return Buffer.concat([length, body]);
}

export function encodeStateRecord(name: Uint8Array, value: Uint8Array): Uint8Array {
  const record = Buffer.allocUnsafe(LENGTHS_BYTES + name.length + value.length);
  record.writeUInt32LE(name.length, 0);
  record.writeUInt32LE(value.length, 4);
  record.set(name, LENGTHS_BYTES);
  record.set(value, LENGTHS_BYTES + name.length);
  return record;
}

export type ReceivedRecord = { readonly name: Uint8Array; readonly value: Uint8Array };

/** Parses a snapshot piece by piece; holds at most one record beyond the piece. */
export class SnapshotParser {
  #rest: Buffer = Buffer.alloc(0);
  #applied: AppliedMark | null = null;

  /** @throws SnapshotRejectedError */
  push(piece: Uint8Array): readonly ReceivedRecord[] {
    this.#rest = Buffer.concat([this.#rest, piece]);
    if (this.#applied === null && !this.#readHeader()) return [];
    const records: ReceivedRecord[] = [];
    for (let record = this.#next(); record !== null; record = this.#next()) records.push(record);
    return records;
  }

  /** @throws SnapshotRejectedError when bytes are left over or the header never came */
  finish(): AppliedMark {
    if (this.#applied === null || this.#rest.length > 0) {
      throw new SnapshotRejectedError('it ends in the middle of a record');
    }
    return this.#applied;
  }

  #readHeader(): boolean {
    if (this.#rest.length < HEADER_LENGTH_BYTES) return false;
    const length = checked(this.#rest.readUInt32LE(0));
    if (this.#rest.length < HEADER_LENGTH_BYTES + length) return false;
    const body = this.#rest.subarray(HEADER_LENGTH_BYTES, HEADER_LENGTH_BYTES + length);
    const fields = new Fields('a snapshot header', decode(body));
    if (fields.integer('version') !== FORMAT_VERSION) {
      throw new SnapshotRejectedError('its format is not known');
    }
    const index = fields.integer('index');
    const term = fields.integer('term');
    this.#applied = { index, term, digest: fields.bytes('digest') };
    this.#rest = this.#rest.subarray(HEADER_LENGTH_BYTES + length);
    return true;
  }

  #next(): ReceivedRecord | null {
    if (this.#rest.length < LENGTHS_BYTES) return null;
    const nameLength = checked(this.#rest.readUInt32LE(0));
    const valueLength = checked(this.#rest.readUInt32LE(4));
    const end = LENGTHS_BYTES + nameLength + valueLength;
    if (this.#rest.length < end) return null;
    const name = this.#rest.subarray(LENGTHS_BYTES, LENGTHS_BYTES + nameLength);
    const value = this.#rest.subarray(LENGTHS_BYTES + nameLength, end);
    this.#rest = this.#rest.subarray(end);
    return { name, value };
  }
}

function checked(lengthBytes: number): number {
  if (lengthBytes > RECORD_BYTES_MAX) throw new SnapshotRejectedError('a record is too long');
  return lengthBytes;
}
