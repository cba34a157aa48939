import type { Backend, IteratorOptions } from './disk.ts';
import { type KeyRange, rangeOfPrefix, stateKey, stateNameOf, stateRange } from './keys.ts';
import { unsealRecord } from './sealed-record.ts';

/** Keys that begin with `prefix`, or from `gte` (included) to `lt` (excluded); in order of UTF-8 bytes. */
export type ScanRange =
  | { readonly prefix: string; readonly reverse?: boolean; readonly limit?: number }
  | {
      readonly gte: string;
      readonly lt: string;
      readonly reverse?: boolean;
      readonly limit?: number;
    };

export type StateRecord = { readonly key: string; readonly value: Uint8Array };

const RECORDS_PER_READ = 256;
const utf8 = new TextDecoder();

/**
 * The replicated state in key order, as it was when the first record was asked for.
 *
 * @throws DamagedRecordError
 */
export async function* scanState(
  backend: Backend,
  generation: number,
  scan: ScanRange,
): AsyncGenerator<StateRecord> {
  const options: IteratorOptions = {
    ...rangeOf(generation, scan),
    ...(scan.reverse === undefined ? {} : { reverse: scan.reverse }),
    ...(scan.limit === undefined ? {} : { limit: scan.limit }),
  };
  const iterator = backend.iterator(options);
  try {
    for (;;) {
      const records = await iterator.nextv(RECORDS_PER_READ);
      if (records.length === 0) return;
      for (const [key, record] of records) {
        yield { key: utf8.decode(stateNameOf(key)), value: unsealRecord(key, record) };
      }
    }
  } finally {
    await iterator.close();
  }
}

function rangeOf(generation: number, scan: ScanRange): KeyRange {
  if (!('prefix' in scan)) {
    return { gte: stateKey(generation, scan.gte), lt: stateKey(generation, scan.lt) };
  }
  if (scan.prefix === '') return stateRange(generation);
  return rangeOfPrefix(stateKey(generation, scan.prefix));
}
