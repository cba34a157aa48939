import { crc32 } from 'node:zlib';
import { unreachable } from '#libs/kernel';
import { decodeMembership, encodeMembership } from '#libs/protocol';
import type { LogEntry } from '#libs/raft';
import { DamagedRecordError } from './errors.ts';
import { logIndexOf } from './keys.ts';

/**
 * Entries that were written together lie in one record: one key, one checksum, one copy. `chain` of a
 * block is its CRC, `previousChain` that of the block before it, so that a block which went missing or
 * came back from an older log is noticed even though each is whole by itself.
 *
 *   crc:u32 previousChain:u32 count:u32 { kind:u8 term:u64 length:u32 content }*
 */
const HEADER_BYTES = 12;
const ENTRY_HEADER_BYTES = 13;
const TWO_POW_32 = 0x1_0000_0000;
const BLOCK_TARGET_BYTES = 256 * 1_024;

const KINDS = ['command', 'empty', 'membership'] as const satisfies readonly LogEntry['kind'][];
const NOTHING = new Uint8Array();

export type LogBlock = {
  readonly entries: readonly LogEntry[];
  readonly chain: number;
  readonly previousChain: number;
};

/** The bytes of a block and its chain value; entries must follow each other without a gap. */
export function encodeBlock(
  key: Uint8Array,
  previousChain: number,
  entries: readonly LogEntry[],
): { readonly record: Uint8Array; readonly chain: number } {
  const contents = entries.map(contentOf);
  let size = HEADER_BYTES;
  for (const content of contents) size += ENTRY_HEADER_BYTES + content.length;
  const record = Buffer.allocUnsafe(size);
  record.writeUInt32LE(previousChain, 4);
  record.writeUInt32LE(entries.length, 8);
  let at = HEADER_BYTES;
  entries.forEach((entry, position) => {
    const content = contents[position] ?? NOTHING;
    record[at] = KINDS.indexOf(entry.kind);
    record.writeUInt32LE(Math.floor(entry.term / TWO_POW_32), at + 1);
    record.writeUInt32LE(entry.term % TWO_POW_32, at + 5);
    record.writeUInt32LE(content.length, at + 9);
    record.set(content, at + ENTRY_HEADER_BYTES);
    at += ENTRY_HEADER_BYTES + content.length;
  });
  const chain = crc32(record.subarray(4), crc32(key));
  record.writeUInt32LE(chain, 0);
  return { record, chain };
}

/**
 * Payloads are views of `bytes`.
 *
 * @throws DamagedRecordError
 */
export function decodeBlock(key: Uint8Array, bytes: Uint8Array): LogBlock {
  const firstIndex = logIndexOf(key);
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (record.length < HEADER_BYTES) throw damaged(firstIndex, 'is cut short');
  const chain = record.readUInt32LE(0);
  if (crc32(record.subarray(4), crc32(key)) !== chain) {
    throw damaged(firstIndex, 'does not have its checksum');
  }
  const count = record.readUInt32LE(8);
  const entries: LogEntry[] = [];
  let at = HEADER_BYTES;
  while (entries.length < count) {
    if (at + ENTRY_HEADER_BYTES > record.length) throw damaged(firstIndex, 'ends in an entry');
    const length = record.readUInt32LE(at + 9);
    const content = record.subarray(at + ENTRY_HEADER_BYTES, at + ENTRY_HEADER_BYTES + length);
    if (content.length !== length) throw damaged(firstIndex, 'ends in an entry');
    const term = record.readUInt32LE(at + 1) * TWO_POW_32 + record.readUInt32LE(at + 5);
    entries.push(entryOf(record[at], firstIndex + entries.length, term, content));
    at += ENTRY_HEADER_BYTES + length;
  }
  return { entries, chain, previousChain: record.readUInt32LE(4) };
}

/** Cuts a run of entries into blocks of about 256 KiB, so that reading one entry stays cheap. */
export function splitIntoBlocks(entries: readonly LogEntry[]): readonly (readonly LogEntry[])[] {
  const blocks: LogEntry[][] = [];
  let room = 0;
  for (const entry of entries) {
    const size = entrySizeBytes(entry);
    const current = blocks.at(-1);
    if (current === undefined || size > room) {
      blocks.push([entry]);
      room = BLOCK_TARGET_BYTES - size;
    } else {
      current.push(entry);
      room -= size;
    }
  }
  return blocks;
}

/** What an entry costs on disk, header included; memberships are small and not counted exactly. */
export function entrySizeBytes(entry: LogEntry): number {
  return ENTRY_HEADER_BYTES + (entry.kind === 'command' ? entry.payload.length : 0);
}

function contentOf(entry: LogEntry): Uint8Array {
  switch (entry.kind) {
    case 'command':
      return entry.payload;
    case 'empty':
      return NOTHING;
    case 'membership':
      return encodeMembership(entry.membership);
    default:
      return unreachable(entry);
  }
}

function entryOf(
  kindNumber: number | undefined,
  index: number,
  term: number,
  content: Uint8Array,
): LogEntry {
  const kind = KINDS[kindNumber ?? -1];
  switch (kind) {
    case 'command':
      return { kind, index, term, payload: content };
    case 'empty':
      return { kind, index, term };
    case 'membership':
      return { kind, index, term, membership: decodeMembership(content) };
    case undefined:
      throw damaged(index, 'is of an unknown kind');
    default:
      return unreachable(kind);
  }
}

function damaged(index: number, what: string): DamagedRecordError {
  return new DamagedRecordError(`the log record at index ${index} ${what}`);
}
