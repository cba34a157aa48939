/**
 * Keys of the one LevelDB database. The first byte tells the kind; numbers are big-endian and of
 * fixed width, so that the order of the bytes is the order of the numbers. Log and state carry a
 * generation: installing a snapshot writes the next one beside the old and switches by one record.
 *
 *   'b' slot:u16                    batch marker (batch-markers.ts)
 *   'l' generation:u32 index:u64    log block that begins at index
 *   'm' name                        one record of its own, see MetaKey
 *   's' generation:u32 key:utf-8    replicated state
 */
const MARKER = 0x62;
const LOG = 0x6c;
const META = 0x6d;
const STATE = 0x73;
const PREFIX_BYTES = 5;
const TWO_POW_32 = 0x1_0000_0000;

export type KeyRange = { readonly gte: Uint8Array; readonly lt: Uint8Array };

export const MetaKey = {
  identity: metaKey('identity'),
  base: metaKey('base'),
  hardState: metaKey('hard-state'),
  applied: metaKey('applied'),
} as const;

export function markerKey(slot: number): Uint8Array {
  return Uint8Array.of(MARKER, slot >>> 8, slot & 0xff);
}

export const MARKER_RANGE: KeyRange = rangeOfPrefix(Uint8Array.of(MARKER));
/** State of every generation. */
export const STATE_RANGE: KeyRange = rangeOfPrefix(Uint8Array.of(STATE));
/** Every key there can be. */
export const WHOLE_RANGE: KeyRange = { gte: Uint8Array.of(0), lt: Uint8Array.of(0xff) };

export function logKey(generation: number, index: number): Uint8Array {
  const key = Buffer.allocUnsafe(PREFIX_BYTES + 8);
  key[0] = LOG;
  key.writeUInt32BE(generation, 1);
  key.writeUInt32BE(Math.floor(index / TWO_POW_32), PREFIX_BYTES);
  key.writeUInt32BE(index % TWO_POW_32, PREFIX_BYTES + 4);
  return key;
}

export function logIndexOf(key: Uint8Array): number {
  const view = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  return view.readUInt32BE(PREFIX_BYTES) * TWO_POW_32 + view.readUInt32BE(PREFIX_BYTES + 4);
}

export function stateKey(generation: number, key: string): Uint8Array {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + Buffer.byteLength(key));
  bytes[0] = STATE;
  bytes.writeUInt32BE(generation, 1);
  bytes.write(key, PREFIX_BYTES);
  return bytes;
}

export function stateGenerationOf(key: Uint8Array): number {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).readUInt32BE(1);
}

/** The state key as its writer named it, in UTF-8. */
export function stateNameOf(key: Uint8Array): Uint8Array {
  return key.subarray(PREFIX_BYTES);
}

export function stateKeyOfName(generation: number, name: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + name.length);
  bytes[0] = STATE;
  bytes.writeUInt32BE(generation, 1);
  bytes.set(name, PREFIX_BYTES);
  return bytes;
}

export function stateRange(generation: number): KeyRange {
  return rangeOfPrefix(stateKey(generation, ''));
}

export function logRange(generation: number): KeyRange {
  return rangeOfPrefix(logKey(generation, 0).subarray(0, PREFIX_BYTES));
}

/** Log and state of every generation but those kept. */
export function otherGenerations(kept: ReadonlySet<number>): readonly KeyRange[] {
  const sorted = [...kept].sort((a, b) => a - b);
  return [LOG, STATE].flatMap((kind) => {
    const ranges: KeyRange[] = [];
    let gte: Uint8Array = Uint8Array.of(kind);
    for (const generation of sorted) {
      ranges.push({ gte, lt: generationStart(kind, generation) });
      gte = generationStart(kind, generation + 1);
    }
    return [...ranges, { gte, lt: Uint8Array.of(kind + 1) }];
  });
}

/** All keys that begin with these bytes, of which the last is below 0xff. */
export function rangeOfPrefix(prefix: Uint8Array): KeyRange {
  const end = Uint8Array.from(prefix);
  let at = end.length - 1;
  while (at > 0 && end[at] === 0xff) at -= 1;
  end[at] = (end[at] ?? 0) + 1;
  return { gte: prefix, lt: end.subarray(0, at + 1) };
}

function generationStart(kind: number, generation: number): Uint8Array {
  const key = Buffer.allocUnsafe(PREFIX_BYTES);
  key[0] = kind;
  key.writeUInt32BE(generation, 1);
  return key;
}

function metaKey(name: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(META), Buffer.from(name)]);
}
