import { crc32 } from 'node:zlib';
import { DamagedRecordError } from './errors.ts';

/** A CRC-32 over key and payload stands before the payload: a record is refused under another key too. */
const CRC_BYTES = 4;

export function sealRecord(key: Uint8Array, payload: Uint8Array): Uint8Array {
  const record = Buffer.allocUnsafe(CRC_BYTES + payload.length);
  record.writeUInt32LE(crc32(payload, crc32(key)), 0);
  record.set(payload, CRC_BYTES);
  return record;
}

/**
 * The payload, as a view of the record.
 *
 * @throws DamagedRecordError
 */
export function unsealRecord(key: Uint8Array, record: Uint8Array): Uint8Array {
  if (record.length < CRC_BYTES) throw new DamagedRecordError(`record ${nameOf(key)} is cut short`);
  const payload = record.subarray(CRC_BYTES);
  const stored = Buffer.from(record.buffer, record.byteOffset, CRC_BYTES).readUInt32LE(0);
  if (crc32(payload, crc32(key)) !== stored) {
    throw new DamagedRecordError(`record ${nameOf(key)} does not have its checksum`);
  }
  return payload;
}

/** A key for people: printable characters as they are, others in hexadecimal. */
export function nameOf(key: Uint8Array): string {
  return Array.from(key, (byte) =>
    byte >= 0x20 && byte < 0x7f
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, '0')}`,
  ).join('');
}
