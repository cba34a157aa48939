import { assert } from '#libs/kernel';
import type { LogEntry, LogIndex, PersistBatch } from '#libs/raft';
import { markerOf } from './batch-markers.ts';
import type { Backend, BackendOperation } from './disk.ts';
import { logKey, stateKey } from './keys.ts';
import { encodeBlock, splitIntoBlocks } from './log-block.ts';
import { blocksFrom } from './log-reader.ts';
import { appliedRecord, baseRecord, hardStateRecord } from './meta-records.ts';
import type { AppliedMark, ReplicaState } from './replica-state.ts';
import { sealRecord } from './sealed-record.ts';

export type StateWrite =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

/** One atomic, synced write: log and state effects together, so there is one stream of syncs. */
export type WriteRequest = {
  readonly persist?: PersistBatch;
  readonly state?: readonly StateWrite[];
  readonly applied?: AppliedMark;
};

/** A snapshot whose state lies complete under its own generation, waiting to be switched to. */
export type LoadedSnapshot = {
  readonly generation: number;
  readonly meta: PersistBatch['snapshot'] & object;
  readonly applied: AppliedMark;
};

export type BatchPlan = {
  readonly operations: readonly BackendOperation[];
  /** What holds once the operations are durable. */
  readonly after: ReplicaState;
};

/** Works out one batch from what is there; writes nothing. */
export async function planBatch(
  before: ReplicaState,
  request: WriteRequest,
  backend: Backend,
  loaded: LoadedSnapshot | null,
): Promise<BatchPlan> {
  const operations: BackendOperation[] = [];
  let after: ReplicaState = { ...before, batch: before.batch + 1 };
  const { persist } = request;
  if (persist !== undefined) {
    if (persist.snapshot !== null) after = switchTo(after, persist.snapshot, loaded, operations);
    if (persist.truncateFrom !== null) {
      after = await truncate(after, persist.truncateFrom, backend, operations);
    }
    if (persist.entries.length > 0) after = append(after, persist.entries, operations);
    if (persist.hardState !== null) {
      operations.push(hardStateRecord(persist.hardState));
      after = { ...after, hardState: persist.hardState };
    }
  }
  if (request.state !== undefined) putState(after.generation, request.state, operations);
  if (request.applied !== undefined) {
    operations.push(appliedRecord(request.applied));
    after = { ...after, applied: request.applied };
  }
  operations.push(markerOf(after.batch));
  checkOrder(before, after);
  return { operations, after };
}

function switchTo(
  state: ReplicaState,
  meta: LoadedSnapshot['meta'],
  loaded: LoadedSnapshot | null,
  operations: BackendOperation[],
): ReplicaState {
  assert(
    loaded !== null && loaded.meta.index === meta.index && loaded.meta.term === meta.term,
    'only a sealed snapshot is installed',
    { asked: meta.index, sealed: loaded?.meta.index },
  );
  const { generation, applied } = loaded;
  operations.push(baseRecord({ generation, meta, chain: 0 }), appliedRecord(applied));
  return {
    ...state,
    generation,
    applied,
    base: { meta, chain: 0 },
    tail: { lastIndex: meta.index, lastTerm: meta.term, chain: 0 },
    memberships: [{ index: meta.index, membership: meta.membership }],
  };
}

async function truncate(
  state: ReplicaState,
  from: LogIndex,
  backend: Backend,
  operations: BackendOperation[],
): Promise<ReplicaState> {
  assert(from > state.applied.index, 'nothing applied is ever truncated', {
    from,
    appliedIndex: state.applied.index,
  });
  if (from > state.tail.lastIndex) return state;
  const { base } = state;
  let tail = { lastIndex: base.meta.index, lastTerm: base.meta.term, chain: base.chain };
  const start = Math.max(from - 1, base.meta.index + 1);
  for await (const { key, block } of blocksFrom(backend, state, start)) {
    const kept = block.entries.filter((entry) => entry.index < from);
    const last = kept.at(-1);
    if (last === undefined) {
      operations.push({ type: 'del', key });
      continue;
    }
    let { chain } = block;
    if (kept.length < block.entries.length) {
      const shorter = encodeBlock(key, block.previousChain, kept);
      operations.push({ type: 'put', key, value: shorter.record });
      chain = shorter.chain;
    }
    tail = { lastIndex: last.index, lastTerm: last.term, chain };
  }
  assert(tail.lastIndex === from - 1, 'a cut log ends before the cut', { from, ...tail });
  const memberships = state.memberships.filter((mark) => mark.index < from);
  return { ...state, tail, memberships };
}

function append(
  state: ReplicaState,
  entries: readonly LogEntry[],
  operations: BackendOperation[],
): ReplicaState {
  let { lastIndex, lastTerm, chain } = state.tail;
  const memberships = [...state.memberships];
  for (const entry of entries) {
    assert(entry.index === lastIndex + 1, 'the log has no gap', { index: entry.index, lastIndex });
    assert(entry.term >= lastTerm, 'terms never fall', { term: entry.term, lastTerm });
    lastIndex = entry.index;
    lastTerm = entry.term;
    if (entry.kind === 'membership') memberships.push(entry);
  }
  for (const block of splitIntoBlocks(entries)) {
    const key = logKey(state.generation, block[0]?.index ?? 0);
    const encoded = encodeBlock(key, chain, block);
    operations.push({ type: 'put', key, value: encoded.record });
    chain = encoded.chain;
  }
  return { ...state, tail: { lastIndex, lastTerm, chain }, memberships };
}

function putState(
  generation: number,
  writes: readonly StateWrite[],
  operations: BackendOperation[],
): void {
  for (const write of writes) {
    const key = stateKey(generation, write.key);
    if (write.type === 'del') operations.push({ type: 'del', key });
    else operations.push({ type: 'put', key, value: sealRecord(key, write.value) });
  }
}

function checkOrder(before: ReplicaState, after: ReplicaState): void {
  const { applied, tail, hardState } = after;
  assert(applied.index <= tail.lastIndex, 'only what is in the log is applied', {
    appliedIndex: applied.index,
    lastIndex: tail.lastIndex,
  });
  assert(applied.index >= before.applied.index, 'the applied index never falls', {
    from: before.applied.index,
    to: applied.index,
  });
  assert(hardState.term >= before.hardState.term, 'the term never falls', {
    from: before.hardState.term,
    to: hardState.term,
  });
  assert(hardState.term >= tail.lastTerm, 'no entry comes from a later term', {
    term: hardState.term,
    lastTerm: tail.lastTerm,
  });
}
