import { Packr } from 'msgpackr';
import { messageOf } from '#libs/kernel';
import { MalformedMessageError } from './fields.ts';
import { decodePlain, encodePlain } from './plain-codec.ts';

/**
 * The one msgpack dialect of wire and disk: arrays with fixed positions, no records, no shared
 * structures. A bigint stays a bigint whatever its size, a number stays a number.
 */
const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  int64AsType: 'bigint',
  bundleStrings: false,
  structuredClone: false,
});

/** The bytes belong to the caller; they may share memory with other results, so never change them. */
export function encode(value: unknown): Uint8Array {
  return encodePlain(value) ?? packr.pack(value);
}

/**
 * Byte strings in the result are views of `bytes`.
 *
 * @throws MalformedMessageError
 */
export function decode(bytes: Uint8Array): unknown {
  const plain = decodePlain(bytes);
  if (plain !== null) return plain.value;
  try {
    return packr.unpack(bytes);
  } catch (error) {
    const reason = `msgpack (${messageOf(error)})`;
    throw new MalformedMessageError(`${bytes.length} bytes`, '(whole)', reason);
  }
}
