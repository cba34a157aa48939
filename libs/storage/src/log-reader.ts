import type { LogEntry, LogIndex } from '#libs/raft';
import type { Backend } from './disk.ts';
import { logKey, logRange } from './keys.ts';
import { decodeBlock, entrySizeBytes, type LogBlock } from './log-block.ts';
import type { ReplicaState } from './replica-state.ts';

const BLOCKS_PER_READ = 16;

type LogPlace = Pick<ReplicaState, 'generation'>;

/**
 * The blocks from the one that holds `index` (or the first after it) to the end of the log.
 *
 * @throws DamagedRecordError
 */
export async function* blocksFrom(
  backend: Backend,
  place: LogPlace,
  index: LogIndex,
): AsyncGenerator<{ readonly key: Uint8Array; readonly block: LogBlock }> {
  const gte = await blockKeyAtOrBefore(backend, place, index);
  const iterator = backend.iterator({ gte, lt: logRange(place.generation).lt });
  try {
    for (;;) {
      const records = await iterator.nextv(BLOCKS_PER_READ);
      if (records.length === 0) return;
      for (const [key, record] of records) yield { key, block: decodeBlock(key, record) };
    }
  } finally {
    await iterator.close();
  }
}

/**
 * Entries from `fromIndex` to `toIndex`, both included, until `maxBytes` are full; at least one when
 * the first is there.
 */
export async function readLogEntries(
  backend: Backend,
  place: LogPlace & { readonly baseIndex: LogIndex },
  wanted: { readonly fromIndex: LogIndex; readonly toIndex: LogIndex; readonly maxBytes: number },
): Promise<readonly LogEntry[]> {
  const entries: LogEntry[] = [];
  if (wanted.fromIndex <= place.baseIndex) return entries;
  let room = wanted.maxBytes;
  for await (const { block } of blocksFrom(backend, place, wanted.fromIndex)) {
    for (const entry of block.entries) {
      if (entry.index < wanted.fromIndex) continue;
      if (entry.index > wanted.toIndex) return entries;
      room -= entrySizeBytes(entry);
      if (room < 0 && entries.length > 0) return entries;
      entries.push(entry);
    }
  }
  return entries;
}

async function blockKeyAtOrBefore(
  backend: Backend,
  place: LogPlace,
  index: LogIndex,
): Promise<Uint8Array> {
  const range = { gte: logKey(place.generation, 0), lt: logKey(place.generation, index + 1) };
  const iterator = backend.iterator({ ...range, reverse: true, limit: 1 });
  try {
    const [found] = await iterator.nextv(1);
    return found === undefined ? logKey(place.generation, index) : found[0];
  } finally {
    await iterator.close();
  }
}
