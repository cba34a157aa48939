import { beforeEach, describe, expect, it } from 'vitest';
import { seededPrng } from '#libs/kernel';
import { MemoryDisk } from './memory-backend.ts';
import { openReplicaStore } from './open-replica-store.ts';
import type { RecoveredLog } from './recovery.ts';
import type { ReplicaStore } from './replica-store.ts';
import { batch, command, GROUP_ID, MEMBERSHIP, run } from './testing/log-builders.ts';

const DIGEST = new Uint8Array();

describe('what a bad disk does to a replica store', { timeout: 30_000 }, () => {
  let disk: MemoryDisk;
  let store: ReplicaStore;

  beforeEach(async () => {
    disk = new MemoryDisk();
    store = (await open()).store;
    await store.bootstrap({ groupId: GROUP_ID, memberId: 1, membership: MEMBERSHIP });
    const hardState = { term: 1, vote: 1 };
    await store.write({ persist: batch({ hardState, entries: run(1, 3, 1) }) });
  });

  function open() {
    return openReplicaStore({ directory: 'memory', groupId: GROUP_ID, disk });
  }

  async function recover(): Promise<RecoveredLog> {
    const opened = await open();
    store = opened.store;
    return opened.recovered;
  }

  it.each([
    { what: 'a batch of entries', at: 1 },
    { what: 'a batch of state only', at: 0 },
  ])('a dropped $what in the middle is noticed', async ({ at }) => {
    await store.write({ persist: batch({ entries: [command(4, 1)] }) });
    await store.write({
      state: [{ type: 'put', key: 'a', value: DIGEST }],
      applied: { index: 1, term: 1, digest: DIGEST },
    });
    await store.write({ applied: { index: 2, term: 1, digest: DIGEST } });
    disk.crash();
    disk.dropBatch(1 + at);
    await expect(open()).rejects.toMatchObject({ code: 'DAMAGED_LOG' });
    await expect(open()).rejects.toMatchObject({ code: 'DAMAGED_LOG' });
  });

  it('a dropped batch that only a compaction follows is noticed', async () => {
    await store.write({ applied: { index: 3, term: 1, digest: DIGEST } });
    await store.write({
      state: [{ type: 'put', key: 'a', value: DIGEST }],
      applied: { index: 3, term: 1, digest: DIGEST },
    });
    expect(await store.compactTo(3)).toBe(3);
    disk.crash();
    disk.dropBatch(1);
    await expect(open()).rejects.toThrow(/batch \d+ is missing/);
  });

  it('the newest batch dropped after it was confirmed is noticed', async () => {
    await store.close();
    disk.dropBatch(0);
    await expect(open()).rejects.toThrow(/was acknowledged/);
  });

  it('a crash in the middle of a batch is no damage', async () => {
    disk.delay = () => new Promise(() => undefined);
    void store.write({ persist: batch({ hardState: { term: 9, vote: 2 } }) });
    await Promise.resolve();
    disk.delay = null;
    disk.crash();
    expect(await recover()).toMatchObject({ hardState: { term: 1, vote: 1 }, lastIndex: 3 });
  });

  it('a vote that only reached the guard file is kept', async () => {
    disk.delay = (operation) =>
      operation === 'guard' ? Promise.resolve() : new Promise(() => undefined);
    void store.write({ persist: batch({ hardState: { term: 9, vote: 2 } }) });
    await settle();
    disk.delay = null;
    disk.crash();
    expect(await recover()).toMatchObject({ hardState: { term: 9, vote: 2 }, lastIndex: 3 });
  });

  it('a write is not acknowledged before both database and guard file have its vote', async () => {
    let acknowledged = false;
    disk.delay = (operation) =>
      operation === 'batch' ? Promise.resolve() : new Promise(() => undefined);
    void store.write({ persist: batch({ hardState: { term: 9, vote: 2 } }) }).then(() => {
      acknowledged = true;
    });
    await settle();
    expect(acknowledged).toBe(false);
  });

  it.each([0, 1] as const)('a torn guard slot %i falls back to the other', async (slot) => {
    await store.close();
    disk.tearGuardSlot(slot, 20);
    expect(await recover()).toMatchObject({ bootstrapped: true, lastIndex: 3 });
  });

  it('two unreadable guard slots are damage, told with what to do about it, once', async () => {
    await store.close();
    disk.tearGuardSlot(0, 20);
    disk.tearGuardSlot(1, 20);
    const refused = await open().catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'DAMAGED_LOG',
      finding: 'the guard file is missing or unreadable',
    });
    expect(String(refused).split('replace this member')).toHaveLength(2);
    // Read from the verdict that was written down.
    const again = await open().catch((error: unknown) => error);
    expect(String(again)).toBe(String(refused));
  });

  it('a failed write is final and the cause is kept', async () => {
    disk.failNextWrite(new Error('no space left'));
    const failed = store.write({ persist: batch({ entries: [command(4, 1)] }) });
    await expect(failed).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      cause: { message: 'no space left' },
    });
    await expect(store.write({})).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(store.failure).toMatchObject({ code: 'STORAGE_FAILED' });
  });

  it('any changed byte of any record is noticed', async () => {
    await store.write({
      state: [{ type: 'put', key: 'a', value: Uint8Array.of(1, 2, 3) }],
      applied: { index: 2, term: 1, digest: DIGEST },
    });
    await store.close();
    const prng = seededPrng(3);
    for (let round = 0; round < 100; round += 1) {
      const place = { record: prng.next(), byte: prng.next(), mask: 1 << prng.range(0, 7) };
      disk.flipByte(place);
      await expect(open()).rejects.toMatchObject({ code: 'DAMAGED_LOG' });
      disk.forgetVerdict();
      disk.flipByte(place);
    }
    expect(await recover()).toMatchObject({ lastIndex: 3 });
  });
});

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
