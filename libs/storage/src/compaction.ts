import type { LogIndex } from '#libs/raft';
import type { Backend, BackendOperation } from './disk.ts';
import type { KeyRange } from './keys.ts';
import { blocksFrom, readLogEntries } from './log-reader.ts';
import { type LogBase, membershipAt, type ReplicaState } from './replica-state.ts';

const DELETES_PER_BATCH = 1_000;

/** The base after dropping whole blocks up to `index`; null when there is no block to drop. */
export async function compactedBase(
  backend: Backend,
  state: ReplicaState,
  index: LogIndex,
): Promise<LogBase | null> {
  const oldBase = state.base.meta.index;
  if (index <= oldBase) return null;
  for await (const { block } of blocksFrom(backend, state, index)) {
    const first = block.entries[0];
    const last = block.entries.at(-1);
    if (first === undefined || last === undefined) return null;
    if (last.index <= index) return baseAt(state, last.index, last.term, block.chain);
    const before = first.index - 1;
    if (before <= oldBase) return null;
    const place = { generation: state.generation, baseIndex: oldBase };
    const wanted = { fromIndex: before, toIndex: before, maxBytes: 1 };
    const [entry] = await readLogEntries(backend, place, wanted);
    return entry === undefined ? null : baseAt(state, before, entry.term, block.previousChain);
  }
  return null;
}

/** Deletes in slices through `enqueue`, so that a write in between waits for one slice at most. */
export async function removeRanges(
  backend: Backend,
  ranges: readonly KeyRange[],
  enqueue: <T>(job: () => Promise<T>) => Promise<T>,
): Promise<void> {
  for (const range of ranges) {
    for (let more = true; more; ) more = await enqueue(() => removeSome(backend, range));
  }
}

/** @returns whether there may be more */
async function removeSome(backend: Backend, range: KeyRange): Promise<boolean> {
  const keys = await someKeys(backend, range);
  if (keys.length > 0) await backend.batch(keys.map(deletion), { sync: false });
  return keys.length === DELETES_PER_BATCH;
}

async function someKeys(backend: Backend, range: KeyRange): Promise<readonly Uint8Array[]> {
  const iterator = backend.iterator({ ...range, limit: DELETES_PER_BATCH, keysOnly: true });
  try {
    const keys: Uint8Array[] = [];
    for (;;) {
      const records = await iterator.nextv(DELETES_PER_BATCH);
      if (records.length === 0) return keys;
      for (const [key] of records) keys.push(key);
    }
  } finally {
    await iterator.close();
  }
}

function deletion(key: Uint8Array): BackendOperation {
  return { type: 'del', key };
}

function baseAt(state: ReplicaState, index: LogIndex, term: number, chain: number): LogBase {
  return { meta: { index, term, membership: membershipAt(state, index).membership }, chain };
}
