/**
 * The part of msgpack that commands and Raft messages are made of: lists, whole numbers below 2^32,
 * ASCII texts, byte strings, null and booleans. Written out by hand because a command passes here ten
 * times on its way: the general codec hangs a DataView on each buffer that it reads and lets its
 * results share large buffers, which kept seven times the memory of the log's newest entries.
 * Both directions give up (null) on all else, and the general codec takes over; the bytes are the same.
 */
const DEPTH_MAX = 16;
const SLAB_BYTES = 16_384;
/** Longer results get memory of their own. */
const SLAB_SHARE_BYTES = 2_048;
const GIVEN_UP = -1;
const TWO_POW_16 = 0x1_0000;
const TWO_POW_24 = 0x100_0000;

let slab = new Uint8Array(SLAB_BYTES);
let slabUsed = 0;

export function encodePlain(value: unknown): Uint8Array | null {
  const size = sizeOf(value, 0);
  if (size === GIVEN_UP) return null;
  const bytes = allocate(size);
  write(bytes, 0, value);
  return bytes;
}

function allocate(size: number): Uint8Array {
  if (size > SLAB_SHARE_BYTES) return new Uint8Array(size);
  if (slabUsed + size > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    slabUsed = 0;
  }
  const bytes = slab.subarray(slabUsed, slabUsed + size);
  slabUsed += size;
  return bytes;
}

function sizeOf(value: unknown, depth: number): number {
  if (typeof value === 'number') return sizeOfNumber(value);
  if (typeof value === 'string')
    return isAscii(value) ? sizeOfLength(value.length, 0x20) : GIVEN_UP;
  if (value === null || typeof value === 'boolean') return 1;
  if (value instanceof Uint8Array) return sizeOfLength(value.length, 0);
  if (!Array.isArray(value) || depth >= DEPTH_MAX) return GIVEN_UP;
  let size = value.length < 16 ? 1 : value.length < TWO_POW_16 ? 3 : 5;
  for (const item of value) {
    const itemSize = sizeOf(item, depth + 1);
    if (itemSize === GIVEN_UP) return GIVEN_UP;
    size += itemSize;
  }
  return size;
}

function sizeOfNumber(value: number): number {
  if (value >>> 0 !== value) return GIVEN_UP;
  if (value < 0x80) return 1;
  if (value < 0x100) return 2;
  return value < TWO_POW_16 ? 3 : 5;
}

/** Of what begins with its length; below `short` the length stands in the first byte. */
function sizeOfLength(length: number, short: number): number {
  if (length < short) return 1 + length;
  if (length < 0x100) return 2 + length;
  return (length < TWO_POW_16 ? 3 : 5) + length;
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) >= 0x80) return false;
  return true;
}

function write(to: Uint8Array, at: number, value: unknown): number {
  if (typeof value === 'number') return writeNumber(to, at, value);
  if (typeof value === 'string') {
    const start = writeLength(to, at, value.length, 0xa0, 0x20, 0xd9);
    for (let from = 0; from < value.length; from += 1) to[start + from] = value.charCodeAt(from);
    return start + value.length;
  }
  if (value instanceof Uint8Array) {
    const start = writeLength(to, at, value.length, 0, 0, 0xc4);
    to.set(value, start);
    return start + value.length;
  }
  if (Array.isArray(value)) {
    let next = writeLength(to, at, value.length, 0x90, 0x10, 0xdb);
    for (const item of value) next = write(to, next, item);
    return next;
  }
  to[at] = value === null ? 0xc0 : value === false ? 0xc2 : 0xc3;
  return at + 1;
}

function writeNumber(to: Uint8Array, at: number, value: number): number {
  if (value < 0x80) {
    to[at] = value;
    return at + 1;
  }
  if (value < 0x100) {
    to[at] = 0xcc;
    to[at + 1] = value;
    return at + 2;
  }
  if (value < TWO_POW_16) {
    to[at] = 0xcd;
    return write16(to, at + 1, value);
  }
  to[at] = 0xce;
  return write32(to, at + 1, value);
}

/** `long` is the mark of a length of one byte; those of two and four follow it. Lists have no such. */
function writeLength(
  to: Uint8Array,
  at: number,
  length: number,
  shortMark: number,
  short: number,
  long: number,
): number {
  if (length < short) {
    to[at] = shortMark | length;
    return at + 1;
  }
  if (length < 0x100 && long !== 0xdb) {
    to[at] = long;
    to[at + 1] = length;
    return at + 2;
  }
  if (length < TWO_POW_16) {
    to[at] = long + 1;
    return write16(to, at + 1, length);
  }
  to[at] = long + 2;
  return write32(to, at + 1, length);
}

function write16(to: Uint8Array, at: number, value: number): number {
  to[at] = value >>> 8;
  to[at + 1] = value & 0xff;
  return at + 2;
}

function write32(to: Uint8Array, at: number, value: number): number {
  write16(to, at, value >>> 16);
  return write16(to, at + 2, value & 0xffff);
}

/** Boxed, so that a decoded null is told from giving up. Byte strings are views of `bytes`. */
export function decodePlain(bytes: Uint8Array): { readonly value: unknown } | null {
  const reader = new Reader(bytes);
  const value = reader.read(0);
  return reader.failed || reader.at !== bytes.length ? null : { value };
}

class Reader {
  at = 0;
  failed = false;

  constructor(readonly bytes: Uint8Array) {}

  read(depth: number): unknown {
    const mark = this.#number(1);
    if (mark < 0x80) return mark;
    if (mark >= 0xa0 && mark < 0xc0) return this.#text(mark & 0x1f);
    if (mark >= 0x90 && mark < 0xa0) return this.#list(mark & 0x0f, depth);
    switch (mark) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#bytes(this.#number(1));
      case 0xc5:
        return this.#bytes(this.#number(2));
      case 0xc6:
        return this.#bytes(this.#number(4));
      case 0xcc:
        return this.#number(1);
      case 0xcd:
        return this.#number(2);
      case 0xce:
        return this.#number(4);
      case 0xd9:
        return this.#text(this.#number(1));
      case 0xda:
        return this.#text(this.#number(2));
      case 0xdb:
        return this.#text(this.#number(4));
      case 0xdc:
        return this.#list(this.#number(2), depth);
      case 0xdd:
        return this.#list(this.#number(4), depth);
      default:
        return this.#giveUp();
    }
  }

  #number(size: 1 | 2 | 4): number {
    const { bytes, at } = this;
    if (at + size > bytes.length) return this.#giveUp();
    this.at = at + size;
    const first = bytes[at] as number;
    if (size === 1) return first;
    const second = bytes[at + 1] as number;
    if (size === 2) return (first << 8) | second;
    return (
      first * TWO_POW_24 +
      (second << 16) +
      ((bytes[at + 2] as number) << 8) +
      (bytes[at + 3] as number)
    );
  }

  #bytes(length: number): Uint8Array {
    const { bytes, at } = this;
    this.at = at + length;
    if (this.at > bytes.length) this.#giveUp();
    return bytes.subarray(at, this.at);
  }

  #text(length: number): string {
    const { bytes, at } = this;
    this.at = at + length;
    if (this.at > bytes.length) {
      this.#giveUp();
      return '';
    }
    let text = '';
    for (let from = at; from < this.at; from += 1) {
      const code = bytes[from] as number;
      if (code >= 0x80) this.#giveUp();
      text += String.fromCharCode(code);
    }
    return text;
  }

  /** Each item takes a byte at least, so a length beyond the rest is not believed. */
  #list(length: number, depth: number): unknown[] {
    const items: unknown[] = [];
    if (depth >= DEPTH_MAX || length > this.bytes.length - this.at) this.#giveUp();
    while (items.length < length && !this.failed) items.push(this.read(depth + 1));
    return items;
  }

  #giveUp(): number {
    this.failed = true;
    return 0;
  }
}
