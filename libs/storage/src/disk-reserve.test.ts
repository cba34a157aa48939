import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskReserve } from './disk-reserve.ts';
import { openReplicaStore } from './open-replica-store.ts';
import { GROUP_ID, MEMBERSHIP } from './testing/log-builders.ts';

const MIB = 1_024 * 1_024;
const SIZES = { reserveBytes: 3 * MIB, lowBytes: 4 * MIB, ampleBytes: 10 * MIB };

describe('the reserve of a disk', () => {
  let directory: string;
  let available: number;
  let reserve: DiskReserve;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'storage-reserve-'));
    available = 100 * MIB;
    reserve = await open();
  });
  afterEach(async () => {
    await reserve.close();
    await rm(directory, { recursive: true });
  });

  const path = () => join(directory, 'reserve');

  function open(): Promise<DiskReserve> {
    return DiskReserve.open({
      path: path(),
      sizes: SIZES,
      availableBytes: async () => available,
      onError: (error) => {
        throw error;
      },
    });
  }

  async function looks(times: number): Promise<void> {
    for (let look = 0; look < times; look += 1) await reserve.look();
  }

  it('is built up step by step, in blocks that are really taken', async () => {
    await looks(5);
    expect(reserve.keptBytes).toBe(3 * MIB);
    const { size, blocks } = await stat(path());
    expect(size).toBe(3 * MIB);
    expect(blocks * 512).toBeGreaterThanOrEqual(3 * MIB);
  });

  it('is let go below the threshold, and said to be', async () => {
    await looks(5);
    available = 4 * MIB - 1;
    await reserve.look();
    expect(reserve.nearlyFull).toBe(true);
    expect((await stat(path())).blocks).toBe(0);
  });

  it('does not come back by the space that it gave itself', async () => {
    await looks(5);
    available = 2 * MIB;
    await reserve.look();
    available = 9 * MIB;
    await looks(3);
    expect([reserve.nearlyFull, reserve.keptBytes]).toEqual([true, 0]);
    available = 10 * MIB;
    await looks(3);
    expect([reserve.nearlyFull, reserve.keptBytes]).toEqual([false, 3 * MIB]);
  });

  it('is found again by the next process', async () => {
    await looks(5);
    await reserve.close();
    reserve = await open();
    expect(reserve.keptBytes).toBe(3 * MIB);
  });

  it('belongs to the directory of a controller that asks for it', async () => {
    const state = join(directory, 'state');
    const { store } = await openReplicaStore({ directory: state, groupId: GROUP_ID });
    await store.bootstrap({ groupId: GROUP_ID, memberId: 1, membership: MEMBERSHIP });
    expect(store.nearlyFull).toBe(false);
    await store.keepReserve();
    expect((await stat(join(state, 'reserve'))).size).toBeGreaterThan(0);
    await store.close();
  });
});
