import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StateWrite } from './batch-plan.ts';
import { MemoryDisk } from './memory-backend.ts';
import { openReplicaStore } from './open-replica-store.ts';
import type { ReplicaStore } from './replica-store.ts';
import type { SnapshotReceiver } from './snapshot-receiver.ts';
import { SNAPSHOT_CHUNK_BYTES, type SnapshotPiece, type StateSnapshot } from './state-snapshot.ts';
import { batch, command, GROUP_ID, MEMBERSHIP, run } from './testing/log-builders.ts';

const DIGEST = Uint8Array.of(7);
/** About 6 MiB: several pieces and a few places to go on from. */
const KEYS = 600;
const VALUE_BYTES = 10_000;

describe.each(['memory', 'level'])('snapshots on %s', { timeout: 60_000 }, (kind) => {
  let directory: string;
  const opened: ReplicaStore[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'snapshot-'));
  });

  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    await rm(directory, { recursive: true });
  });

  it('what is sent is installed, and the old state and log are gone', async () => {
    const source = await filledStore('source');
    const target = await emptyStore('target');
    await target.store.write({
      persist: batch({ hardState: { term: 1, vote: 0 }, entries: run(1, 5, 1) }),
      state: [{ type: 'put', key: 'old', value: DIGEST }],
    });
    const snapshot = source.store.openStateSnapshot();
    const receiver = target.store.openSnapshotReceiver();
    expect(await receiver.begin(snapshot.meta)).toBe(0);
    const meta = await receiver.seal(await transfer(snapshot, receiver, 0));
    expect(await contents(target.store)).toEqual(['old 1']);
    await target.store.write({
      persist: batch({ hardState: { term: 3, vote: 0 }, snapshot: meta, entries: run(21, 22, 3) }),
    });
    await snapshot.close();
    expect(await contents(target.store)).toEqual(await contents(source.store));
    expect(target.store.applied).toMatchObject({ index: 20, term: 2 });
    await target.store.close();
    const { store, recovered } = await target.open();
    expect(recovered).toMatchObject({
      snapshot: { index: 20, term: 2, membership: MEMBERSHIP },
      firstIndex: 21,
      lastIndex: 22,
      appliedIndex: 20,
    });
    expect(await contents(store)).toEqual(await contents(source.store));
  });

  it('a snapshot does not see later writes', async () => {
    const { store } = await filledStore('source');
    const before = await contents(store);
    const snapshot = store.openStateSnapshot();
    await store.write({
      persist: batch({ entries: [command(21, 2)] }),
      state: [{ type: 'del', key: 'key/0' }],
      applied: { index: 21, term: 2, digest: DIGEST },
    });
    const target = await emptyStore('target');
    const receiver = target.store.openSnapshotReceiver();
    await receiver.begin(snapshot.meta);
    const meta = await receiver.seal(await transfer(snapshot, receiver, 0));
    const hardState = { term: 2, vote: 0 };
    await target.store.write({ persist: batch({ hardState, snapshot: meta }) });
    expect(meta.index).toBe(20);
    expect(await contents(target.store)).toEqual(before);
  });

  it.each([0, 1, SNAPSHOT_CHUNK_BYTES, 5_000_001])('goes on from byte %i', async (offset) => {
    const { store } = await filledStore('source');
    const first = store.openStateSnapshot();
    const whole = await collect(first, 0);
    const resumedAgain = await collect(first, offset);
    expect(Buffer.compare(resumedAgain.bytes, whole.bytes.subarray(offset))).toBe(0);
    const second = store.openStateSnapshot();
    const resumed = await collect(second, offset);
    expect(Buffer.compare(resumed.bytes, whole.bytes.subarray(offset))).toBe(0);
    const expected = createHash('sha256').update(whole.bytes).digest();
    for (const { sha256 } of [whole, resumedAgain, resumed]) expect(sha256).toEqual(expected);
    await first.close();
    await second.close();
  });

  it('a transfer goes on where it was cut, even in a new process', async () => {
    const source = await filledStore('source');
    const target = await emptyStore('target');
    const snapshot = source.store.openStateSnapshot();
    const before = target.store.openSnapshotReceiver();
    await before.begin(snapshot.meta);
    for await (const piece of snapshot.pieces(0)) {
      await before.write(piece.offset, piece.bytes);
      if (piece.offset > 2_000_000) break;
    }
    const stored = before.storedBytes;
    expect(await before.begin(snapshot.meta)).toBe(stored);
    await target.store.close();
    const { store } = await target.open();
    const after = store.openSnapshotReceiver();
    const kept = await after.begin(snapshot.meta);
    expect(kept).toBe(stored - SNAPSHOT_CHUNK_BYTES);
    const meta = await after.seal(await transfer(snapshot, after, kept));
    const hardState = { term: 2, vote: 0 };
    await store.write({ persist: batch({ hardState, snapshot: meta }) });
    expect(await contents(store)).toEqual(await contents(source.store));
    await snapshot.close();
  });

  it('another snapshot begins anew', async () => {
    const { store } = await emptyStore('target');
    const receiver = store.openSnapshotReceiver();
    await receiver.begin({ index: 10, term: 1, membership: MEMBERSHIP });
    expect(await receiver.write(0, new Uint8Array(100))).toBe(100);
    expect(await receiver.begin({ index: 11, term: 1, membership: MEMBERSHIP })).toBe(0);
  });

  it('a gap is not stored, a repeated piece is stored once', async () => {
    const { store } = await emptyStore('target');
    const receiver = store.openSnapshotReceiver();
    await receiver.begin({ index: 10, term: 1, membership: MEMBERSHIP });
    expect(await receiver.write(50, new Uint8Array(10))).toBe(0);
    expect(await receiver.write(0, new Uint8Array(30))).toBe(30);
    expect(await receiver.write(10, new Uint8Array(30))).toBe(40);
    expect(await receiver.write(0, new Uint8Array(30))).toBe(40);
  });

  it('a changed byte is refused, and the next attempt begins at 0', async () => {
    const source = await filledStore('source');
    const target = await emptyStore('target');
    const snapshot = source.store.openStateSnapshot();
    const receiver = target.store.openSnapshotReceiver();
    await receiver.begin(snapshot.meta);
    const { bytes, sha256 } = await collect(snapshot, 0);
    bytes[4_000] = (bytes[4_000] ?? 0) ^ 1;
    await receiver.write(0, bytes);
    await expect(receiver.seal(sha256)).rejects.toMatchObject({ code: 'SNAPSHOT_REJECTED' });
    expect(await receiver.begin(snapshot.meta)).toBe(0);
    const meta = await receiver.seal(await transfer(snapshot, receiver, 0));
    expect(meta.index).toBe(20);
    await snapshot.close();
  });

  it('a sealed snapshot that nobody wants is given up', async () => {
    const source = await filledStore('source');
    const target = await emptyStore('target');
    const snapshot = source.store.openStateSnapshot();
    const receiver = target.store.openSnapshotReceiver();
    await receiver.begin(snapshot.meta);
    const meta = await receiver.seal(await transfer(snapshot, receiver, 0));
    await receiver.discard();
    const install = target.store.write({ persist: batch({ snapshot: meta }) });
    await expect(install).rejects.toThrow(/only a sealed snapshot/);
    await snapshot.close();
  });

  it('a crash between sealing and switching leaves the old state', async () => {
    const source = await filledStore('source');
    const target = await emptyStore('target');
    await target.store.write({ state: [{ type: 'put', key: 'old', value: DIGEST }] });
    const snapshot = source.store.openStateSnapshot();
    const receiver = target.store.openSnapshotReceiver();
    await receiver.begin(snapshot.meta);
    await receiver.seal(await transfer(snapshot, receiver, 0));
    await target.store.close();
    const { store } = await target.open();
    expect(await contents(store)).toEqual(['old 1']);
    // What the first attempt left is being deleted; the second must not lose its records to that.
    const again = store.openSnapshotReceiver();
    await again.begin(snapshot.meta);
    const meta = await again.seal(await transfer(snapshot, again, 0));
    store.removeLeftovers();
    await store.write({ persist: batch({ hardState: { term: 2, vote: 0 }, snapshot: meta }) });
    expect(await contents(store)).toEqual(await contents(source.store));
    await snapshot.close();
  });

  async function emptyStore(name: string) {
    const disk = kind === 'memory' ? { disk: new MemoryDisk() } : {};
    const options = { directory: join(directory, name), groupId: GROUP_ID, ...disk };
    const open = async () => {
      const found = await openReplicaStore(options);
      opened.push(found.store);
      return found;
    };
    const { store } = await open();
    await store.bootstrap({ groupId: GROUP_ID, memberId: 1, membership: MEMBERSHIP });
    return { store, open };
  }

  async function filledStore(name: string) {
    const filled = await emptyStore(name);
    const state: StateWrite[] = Array.from({ length: KEYS }, (_, at) => ({
      type: 'put',
      key: `key/${at}`,
      value: new Uint8Array(VALUE_BYTES).fill(at),
    }));
    await filled.store.write({
      persist: batch({ hardState: { term: 2, vote: 0 }, entries: run(1, 20, 2) }),
      state,
      applied: { index: 20, term: 2, digest: DIGEST },
    });
    return filled;
  }
});

/** Sends everything from `offset` on and gives back the announced hash. */
async function transfer(
  snapshot: StateSnapshot,
  receiver: SnapshotReceiver,
  offset: number,
): Promise<Uint8Array> {
  let last: SnapshotPiece | null = null;
  for await (const piece of snapshot.pieces(offset)) {
    expect(piece.bytes.length).toBeLessThanOrEqual(SNAPSHOT_CHUNK_BYTES);
    expect(await receiver.write(piece.offset, piece.bytes)).toBe(piece.offset + piece.bytes.length);
    last = piece;
  }
  if (last?.sha256 == null) throw new Error('the last piece carries the hash');
  return last.sha256;
}

async function collect(
  snapshot: StateSnapshot,
  offset: number,
): Promise<{ bytes: Buffer; sha256: Uint8Array }> {
  const parts: Uint8Array[] = [];
  let sha256: Uint8Array = new Uint8Array();
  for await (const piece of snapshot.pieces(offset)) {
    parts.push(piece.bytes);
    if (piece.last) sha256 = piece.sha256 ?? sha256;
  }
  return { bytes: Buffer.concat(parts), sha256 };
}

async function contents(store: ReplicaStore): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { key, value } of store.scan({ prefix: '' }))
    lines.push(`${key} ${value.length}`);
  return lines;
}
