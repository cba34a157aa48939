import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '#libs/kernel';
import { crc32c } from './crc32c.ts';

/**
 * Checks every block of LevelDB's table files against its checksum. LevelDB itself does not when it
 * reads, and a damaged index or filter makes it say "not there" for records that are there.
 * Format: https://github.com/google/leveldb/blob/main/doc/table_format.md
 */
const FOOTER_BYTES = 48;
const MAGIC = Buffer.from('57fb808b247547db', 'hex');
/** After each block: its compression type and its checksum. */
const TYPE_BYTES = 1;
const TRAILER_BYTES = 5;
const MASK_DELTA = 0xa282ead8;

type BlockHandle = { readonly offset: number; readonly size: number };

/** Names of the table files (`000005.ldb`) that are not whole; some may be no longer in use. */
export async function damagedTables(databasePath: string): Promise<ReadonlySet<string>> {
  const damaged = new Set<string>();
  for (const name of await filesIn(databasePath)) {
    if (!name.endsWith('.ldb') && !name.endsWith('.sst')) continue;
    const file = await readIfThere(join(databasePath, name));
    if (file !== null && !tableIsWhole(file)) damaged.add(name);
  }
  return damaged;
}

/** The first damaged table among those that LevelDB has in use, from its property `leveldb.sstables`. */
export function damagedInUse(damaged: ReadonlySet<string>, tablesText: string): string | null {
  const numbers = [...tablesText.matchAll(/^ (\d+):/gm)].map((match) => match[1] ?? '');
  const names = numbers.map((number) => `${number.padStart(6, '0')}.ldb`);
  return names.find((name) => damaged.has(name)) ?? null;
}

export function tableIsWhole(file: Buffer): boolean {
  if (file.length < FOOTER_BYTES) return false;
  const footer = file.subarray(file.length - FOOTER_BYTES);
  if (!footer.subarray(FOOTER_BYTES - MAGIC.length).equals(MAGIC)) return false;
  const reader = new Varints(footer);
  const handles = [reader.handle(), reader.handle()];
  for (const handle of handles) {
    const block = wholeBlock(file, handle);
    if (block === null) return false;
    const inner = handlesIn(block);
    if (inner === null || inner.some((each) => wholeBlock(file, each) === null)) return false;
  }
  return true;
}

function wholeBlock(file: Buffer, handle: BlockHandle): Buffer | null {
  const end = handle.offset + handle.size;
  if (end + TRAILER_BYTES > file.length) return null;
  const checked = file.subarray(handle.offset, end + TYPE_BYTES);
  const stored = file.readUInt32LE(end + TYPE_BYTES);
  return masked(crc32c(checked)) === stored ? file.subarray(handle.offset, end) : null;
}

/** The values of an index block, which are handles; null when it does not parse. */
function handlesIn(block: Buffer): readonly BlockHandle[] | null {
  if (block.length < 4) return null;
  const restarts = block.readUInt32LE(block.length - 4);
  const end = block.length - 4 - restarts * 4;
  const reader = new Varints(block);
  const handles: BlockHandle[] = [];
  while (reader.at < end) {
    reader.next();
    const keyBytes = reader.next();
    const valueBytes = reader.next();
    const valueAt = reader.at + keyBytes;
    if (valueAt + valueBytes > end) return null;
    reader.at = valueAt;
    handles.push(reader.handle());
    reader.at = valueAt + valueBytes;
  }
  return handles;
}

class Varints {
  at = 0;

  constructor(private readonly bytes: Buffer) {}

  handle(): BlockHandle {
    return { offset: this.next(), size: this.next() };
  }

  /** Little-endian groups of seven bits; a number beyond any file when it does not end. */
  next(): number {
    let value = 0;
    for (let scale = 1; scale < Number.MAX_SAFE_INTEGER; scale *= 128) {
      const byte = this.bytes[this.at];
      if (byte === undefined) break;
      this.at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return Number.MAX_SAFE_INTEGER;
  }
}

function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

/** Another process that has the directory may delete a table meanwhile; one in use is never missing. */
async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

async function filesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
