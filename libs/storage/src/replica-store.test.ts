import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvariantError } from '#libs/kernel';
import type { LogEntry, Membership } from '#libs/raft';
import { MemoryDisk } from './memory-backend.ts';
import { openReplicaStore } from './open-replica-store.ts';
import type { ReplicaStore } from './replica-store.ts';
import { batch, command, contentOf, GROUP_ID, MEMBERSHIP, run } from './testing/log-builders.ts';

const TWO: Membership = { ...MEMBERSHIP, learners: [2] };
const utf8 = new TextEncoder();

/** The same behaviour is expected of memory and of LevelDB in a real directory. */
describe.each(['memory', 'level'])('replica store on %s', { timeout: 30_000 }, (kind) => {
  let directory: string;
  let disk: MemoryDisk | undefined;
  let store: ReplicaStore;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'replica-store-'));
    disk = kind === 'memory' ? new MemoryDisk() : undefined;
    const opened = await open();
    expect(opened.recovered).toEqual({ bootstrapped: false });
    store = opened.store;
    await store.bootstrap({ groupId: GROUP_ID, memberId: 1, membership: MEMBERSHIP });
  });

  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });

  function open(groupId = GROUP_ID): ReturnType<typeof openReplicaStore> {
    return openReplicaStore({ directory, groupId, ...(disk === undefined ? {} : { disk }) });
  }

  async function reopen() {
    await store.close();
    const opened = await open();
    store = opened.store;
    return opened.recovered;
  }

  it('gives back what was written', async () => {
    await store.write({
      persist: batch({
        hardState: { term: 2, vote: 1 },
        entries: [command(1, 1), { kind: 'membership', index: 2, term: 2, membership: TWO }],
      }),
    });
    await store.write({
      persist: batch({ entries: [command(3, 2), { kind: 'empty', index: 4, term: 2 }] }),
      state: [{ type: 'put', key: 'a', value: utf8.encode('1') }],
      applied: { index: 3, term: 2, digest: Uint8Array.of(9) },
    });
    const recovered = await reopen();
    expect(recovered).toMatchObject({
      bootstrapped: true,
      memberId: 1,
      hardState: { term: 2, vote: 1 },
      snapshot: { index: 0, term: 0, membership: MEMBERSHIP },
      membership: TWO,
      membershipIndex: 2,
      firstIndex: 1,
      lastIndex: 4,
      appliedIndex: 3,
      appliedTerm: 2,
      termRuns: [
        { firstIndex: 1, term: 1 },
        { firstIndex: 2, term: 2 },
      ],
      tail: [{ kind: 'empty', index: 4, term: 2 }],
    });
    expect(await text('a')).toBe('1');
    expect((await store.readEntries(1, 4, 10_000)).map(contentOf)).toEqual([
      'command 1/1 payload 1',
      'membership 2/2',
      'command 3/2 payload 3',
      'empty 4/2',
    ]);
  });

  it('cuts a conflicting tail and goes on from there', async () => {
    const hardState = { term: 3, vote: 1 };
    await store.write({ persist: batch({ hardState, entries: run(1, 10, 1) }) });
    await store.write({ persist: batch({ truncateFrom: 6, entries: run(6, 7, 2) }) });
    await store.write({ persist: batch({ truncateFrom: 7, entries: run(7, 9, 3) }) });
    expect(await reopen()).toMatchObject({
      lastIndex: 9,
      termRuns: [
        { firstIndex: 1, term: 1 },
        { firstIndex: 6, term: 2 },
        { firstIndex: 7, term: 3 },
      ],
    });
    const entries = await store.readEntries(4, 99, 10_000);
    expect(entries.map((entry) => entry.term)).toEqual([1, 1, 2, 3, 3, 3]);
  });

  it('cuts everything and a membership with it', async () => {
    const hardState = { term: 2, vote: 1 };
    const change: LogEntry = { kind: 'membership', index: 1, term: 1, membership: TWO };
    await store.write({ persist: batch({ hardState, entries: [change] }) });
    await store.write({ persist: batch({ truncateFrom: 1, entries: [command(1, 2)] }) });
    expect(await reopen()).toMatchObject({
      lastIndex: 1,
      membership: MEMBERSHIP,
      membershipIndex: 0,
    });
  });

  it('reads within a limit of bytes but always one entry', async () => {
    const hardState = { term: 1, vote: 1 };
    await store.write({ persist: batch({ hardState, entries: run(1, 100, 1) }) });
    expect(await store.readEntries(5, 100, 1)).toHaveLength(1);
    expect((await store.readEntries(5, 100, 100)).length).toBeLessThan(10);
    expect(await store.readEntries(101, 200, 100)).toEqual([]);
  });

  it('compacts to a block boundary and keeps the rest', async () => {
    const hardState = { term: 4, vote: 1 };
    for (let index = 1; index <= 40; index += 4) {
      const entries = run(index, index + 3, Math.ceil(index / 10));
      await store.write({ persist: batch({ hardState, entries }) });
    }
    await store.write({ applied: { index: 30, term: 3, digest: new Uint8Array() } });
    expect(await store.compactTo(30)).toBe(28);
    expect(store.firstIndex).toBe(29);
    expect(await store.readEntries(28, 40, 1_000)).toEqual([]);
    const recovered = await reopen();
    expect(recovered).toMatchObject({
      snapshot: { index: 28, term: 3, membership: MEMBERSHIP },
      firstIndex: 29,
      lastIndex: 40,
      appliedIndex: 30,
    });
    expect(await store.compactTo(29)).toBe(28);
    expect((await store.readEntries(29, 40, 10_000)).map((entry) => entry.index)[0]).toBe(29);
  });

  it('compacts everything and appends after it', async () => {
    const hardState = { term: 1, vote: 1 };
    await store.write({
      persist: batch({ hardState, entries: run(1, 8, 1) }),
      applied: { index: 8, term: 1, digest: new Uint8Array() },
    });
    expect(await store.compactTo(8)).toBe(8);
    await store.write({ persist: batch({ entries: run(9, 10, 1) }) });
    await store.write({ persist: batch({ truncateFrom: 9, entries: run(9, 9, 1) }) });
    expect(await reopen()).toMatchObject({ firstIndex: 9, lastIndex: 9 });
  });

  it('scans the state by prefix, range, backwards and up to a limit', async () => {
    const keys = ['a/1', 'a/2', 'b/1', 'b/ü', 'c'];
    await store.write({
      state: keys.map((key) => ({ type: 'put', key, value: utf8.encode(key) })),
    });
    await store.write({ state: [{ type: 'del', key: 'a/2' }] });
    expect(await keysOf({ prefix: '' })).toEqual(['a/1', 'b/1', 'b/ü', 'c']);
    expect(await keysOf({ prefix: 'b/' })).toEqual(['b/1', 'b/ü']);
    expect(await keysOf({ gte: 'a/1', lt: 'b/ü' })).toEqual(['a/1', 'b/1']);
    expect(await keysOf({ prefix: '', reverse: true, limit: 2 })).toEqual(['c', 'b/ü']);
    expect(await store.get('a/2')).toBeNull();
  });

  it('refuses the directory of another group', async () => {
    await store.close();
    await expect(open('ffffffffffffffff')).rejects.toMatchObject({ code: 'FOREIGN_GROUP' });
    store = (await open()).store;
  });

  it('refuses a directory that is open', async () => {
    await expect(open()).rejects.toMatchObject({ code: 'DIRECTORY_IN_USE' });
  });

  it.each([
    ['a gap', batch({ entries: [command(4, 2)] })],
    ['a falling term', batch({ entries: [command(3, 1)] })],
    ['cutting what is applied', batch({ truncateFrom: 1 })],
    ['a falling hard state', batch({ hardState: { term: 1, vote: 1 } })],
    ['an entry of a later term', batch({ entries: [command(3, 3)] })],
  ])('refuses %s, and everything after it', async (_what, persist) => {
    await store.write({
      persist: batch({ hardState: { term: 2, vote: 1 }, entries: [command(1, 1), command(2, 2)] }),
      applied: { index: 1, term: 1, digest: new Uint8Array() },
    });
    await expect(store.write({ persist })).rejects.toThrow(InvariantError);
    await expect(store.write({})).rejects.toThrow(InvariantError);
    await store.close();
  });

  async function text(key: string): Promise<string | null> {
    const value = await store.get(key);
    return value === null ? null : new TextDecoder().decode(value);
  }

  async function keysOf(range: Parameters<ReplicaStore['scan']>[0]): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key, value } of store.scan(range)) {
      expect(new TextDecoder().decode(value)).toBe(key);
      keys.push(key);
    }
    return keys;
  }
});
