import { afterEach, describe, expect, it } from 'vitest';
import { MemoryDisk } from './memory-backend.ts';
import { openReplicaStore } from './open-replica-store.ts';
import type { ReplicaStore } from './replica-store.ts';
import type { SnapshotPiece, StateSnapshot } from './state-snapshot.ts';
import { batch, GROUP_ID, MEMBERSHIP, run } from './testing/log-builders.ts';

const DIGEST = Uint8Array.of(7);
/** More than one piece of a snapshot. */
const KEYS = 40;
const VALUE_BYTES = 10_000;
/** More steps than an installation has. */
const STEPS_MAX = 40;

const stores: ReplicaStore[] = [];

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

describe('the installation of a snapshot', () => {
  it('is there as a whole or not at all, whichever step the process dies at', async () => {
    const { pieces, meta } = await sent();
    const outcomes = new Set<string>();
    for (let step = 0; step < STEPS_MAX; step += 1) {
      const { disk, store } = await emptyStore();
      const died = dieAt(disk, step);
      const installed = install(store, pieces, meta).then(() => 'done');
      const how = await Promise.race([installed, died.then(() => 'died')]);
      disk.delay = null;
      disk.crash();
      const opened = await openReplicaStore({ directory: 'memory', groupId: GROUP_ID, disk });
      const found = await names(opened.store);
      const old = found.length === 1 && found[0] === 'old';
      expect(old || found.length === KEYS).toBe(true);
      expect(opened.store.applied.index).toBe(old ? 0 : 20);
      outcomes.add(`${how}: ${old ? 'old' : 'new'}`);
      // Whatever was left behind is not in the way of the next attempt.
      if (old) await install(opened.store, pieces, meta);
      expect(await names(opened.store)).toHaveLength(KEYS);
      await opened.store.close();
      if (how === 'done') break;
    }
    expect([...outcomes].sort()).toEqual(['died: new', 'died: old', 'done: new']);
  });

  it('is missed when the disk drops part of it without a word', async () => {
    const { pieces, meta } = await sent();
    for (let fromNewest = 0; fromNewest < 2; fromNewest += 1) {
      const { disk, store } = await emptyStore();
      await install(store, pieces, meta);
      await store.write({ persist: batch({ entries: run(21, 21, 2) }) });
      disk.crash();
      // Newest: the entries, the deletes of what was there before, the switch, the pieces.
      disk.dropBatch(2 + fromNewest);
      const again = openReplicaStore({ directory: 'memory', groupId: GROUP_ID, disk });
      await expect(again).rejects.toMatchObject({ code: 'DAMAGED_LOG' });
    }
  });
});

async function emptyStore(): Promise<{ readonly disk: MemoryDisk; readonly store: ReplicaStore }> {
  const disk = new MemoryDisk();
  const { store } = await openReplicaStore({ directory: 'memory', groupId: GROUP_ID, disk });
  await store.bootstrap({ groupId: GROUP_ID, memberId: 1, membership: MEMBERSHIP });
  await store.write({ state: [{ type: 'put', key: 'old', value: DIGEST }] });
  return { disk, store };
}

/** A snapshot as another member sends it. */
async function sent(): Promise<{ pieces: SnapshotPiece[]; meta: StateSnapshot['meta'] }> {
  const { store } = await emptyStore();
  stores.push(store);
  await store.write({
    persist: batch({ hardState: { term: 2, vote: 0 }, entries: run(1, 20, 2) }),
    state: [
      { type: 'del', key: 'old' },
      ...Array.from({ length: KEYS }, (_, at) => {
        const value = new Uint8Array(VALUE_BYTES).fill(at);
        return { type: 'put', key: `key/${at}`, value } as const;
      }),
    ],
    applied: { index: 20, term: 2, digest: DIGEST },
  });
  const snapshot = store.openStateSnapshot();
  const pieces: SnapshotPiece[] = [];
  for await (const piece of snapshot.pieces()) pieces.push(piece);
  await snapshot.close();
  expect(pieces.length).toBeGreaterThan(1);
  return { pieces, meta: snapshot.meta };
}

async function install(
  store: ReplicaStore,
  pieces: readonly SnapshotPiece[],
  meta: StateSnapshot['meta'],
): Promise<void> {
  const receiver = store.openSnapshotReceiver();
  let storedBytes = await receiver.begin(meta);
  for (const { offset, bytes, sha256 } of pieces) {
    if (offset + bytes.length > storedBytes) storedBytes = await receiver.write(offset, bytes);
    if (sha256 !== null) await receiver.seal(sha256);
  }
  const persist = batch({ hardState: { term: 3, vote: 0 }, snapshot: meta });
  await store.write({ persist });
}

/** Resolves when the disk is asked for its n-th operation, which never happens. */
function dieAt(disk: MemoryDisk, step: number): Promise<void> {
  return new Promise((resolve) => {
    let asked = 0;
    disk.delay = () => {
      if (asked < step) {
        asked += 1;
        return Promise.resolve();
      }
      resolve();
      return new Promise(() => undefined);
    };
  });
}

async function names(store: ReplicaStore): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { key } of store.scan({ prefix: '' })) found.push(key);
  return found;
}
