/**
 * The defects that made Patroni give up its embedded Raft (PySyncObj), each as a test of ours. Those that
 * need real processes stand elsewhere: a full disk in `controller/disk-full.test.ts`, a lost quorum in
 * `controller/disaster.test.ts`, renewals outside of the log in `controller/leases.test.ts`, an old file with
 * other peers in `controller/membership.test.ts`, all below `test/integration`.
 */
import { describe, expect, it } from 'vitest';
import { MemoryDisk, openReplicaStore } from '#libs/storage';
import {
  batch,
  contentOf,
  GROUP_ID,
  MEMBERSHIP,
  run,
} from '../../libs/storage/src/testing/log-builders.ts';
import { RaftGroup } from './raft-group.ts';

/** Carries out the lines and returns what all of them said. */
function play(group: RaftGroup, ...lines: readonly string[]): string {
  return lines.flatMap((line) => group.run(line)).join('\n');
}

describe('term and vote are not persisted (#84, #201, #202)', () => {
  it('all restart, a member with a stale log campaigns first: it loses, and terms go on', () => {
    const group = new RaftGroup();
    play(group, 'add-nodes 3', 'lead 1', 'propose 1 a', 'stabilize 1 2', 'drop');
    play(group, 'restart 1', 'restart 2', 'restart 3', 'campaign 3', 'stabilize');
    expect(play(group, 'status 3')).toMatch(/^(preCandidate|follower) t1 /);
    play(group, 'drop', 'campaign 2', 'stabilize');
    expect(play(group, 'status 2')).toMatch(/^leader t2 .*commit=3/);
    expect(play(group, 'log 3')).toContain("2/1'a'");
  });

  it('who voted and restarts does not vote for another in the same term', () => {
    const group = new RaftGroup();
    play(group, 'add-nodes 3', 'campaign 1', 'stabilize 1 2');
    play(group, 'drop', 'restart 2');
    expect(play(group, 'status 2')).toMatch(/t1 vote=1/);
  });
});

describe('the journal is not synced before the acknowledgement, and has no checksum (#98)', () => {
  it('an acknowledgement leaves after the write that it rests on', () => {
    const group = new RaftGroup();
    play(group, 'add-nodes 3', 'lead 1', 'propose 1 a', 'deliver 2 3');
    expect(play(group, 'in-flight')).not.toContain('appendResponse');
    play(group, 'persist 2');
    expect(play(group, 'in-flight')).toContain('2->1 appendResponse t1 matched 2');
    expect(play(group, 'in-flight')).not.toContain('3->1 appendResponse');
  });

  it('a changed byte is named at the next start', async () => {
    const disk = await written();
    disk.flipByte({ record: 1, byte: 20, mask: 4 });
    await expect(openReplicaStore(where(disk))).rejects.toMatchObject({ code: 'DAMAGED_LOG' });
  });
});

describe('the commit index is persisted ahead of the journal (#197)', () => {
  it('after any crash what is applied is in the log, and the member starts', async () => {
    for (const kept of [0, 1, 2, 3]) {
      const disk = await written();
      const { store } = await openReplicaStore(where(disk));
      disk.delay = () => new Promise(() => undefined);
      void store.write({ persist: batch({ entries: run(9, 12, 1) }), applied: mark(12) });
      disk.crash(kept);
      disk.delay = null;
      const { recovered } = await openReplicaStore(where(disk));
      expect(recovered).toMatchObject({ bootstrapped: true, lastIndex: 8, appliedIndex: 8 });
    }
  });
});

describe('an entry of an old term is committed by counting, indexes go backwards (#166, #167, #169)', () => {
  it('it is committed only by an entry of the own term above it', () => {
    const group = new RaftGroup();
    play(group, 'add-nodes 3', 'lead 1', 'propose 1 a', 'deliver 2', 'persist 1', 'persist 2');
    play(group, 'drop', 'restart 1', 'tick 3 6', 'drop', 'campaign 2', 'stabilize 2 3');
    // Leader of term 2, with the entry of term 1 on two of three and its own empty one above it.
    expect(play(group, 'status 2')).toMatch(/^leader t2 .*commit=3/);
    expect(play(group, 'log 2')).toContain("2/1'a', 3/2 empty");
  });

  it('a late answer does not move what a follower is known to hold backwards', () => {
    const group = new RaftGroup();
    play(group, 'add-nodes 3', 'lead 1', 'propose 1 a', 'deliver 2', 'persist 2');
    play(group, 'duplicate 1', 'propose 1 b', 'deliver 2', 'persist 2', 'deliver 1 order=reversed');
    expect(play(group, 'status 1')).toContain('peer 2 replicate match=3');
  });
});

describe('a follower cuts its log after the previous index of any request', () => {
  it('a late request with fewer entries cuts nothing', () => {
    const group = new RaftGroup();
    play(group, 'add-nodes 3', 'lead 1', 'propose 1 a', 'deliver 2 keep=yes', 'propose 1 b c');
    play(group, 'persist 2', 'deliver 2 order=reversed', 'persist 2 5');
    expect(play(group, 'log 2')).toBe("[1/1 empty, 2/1'a', 3/1'b', 4/1'c']");
  });
});

describe('no pre-vote, and a leader believes in itself for 30 s without a quorum', () => {
  it('a leader without answers steps down within an election timeout', () => {
    const group = new RaftGroup();
    play(group, 'add-nodes 3', 'lead 1');
    for (let tick = 0; tick < 3; tick += 1) play(group, 'tick 1', 'drop');
    expect(play(group, 'status 1')).toMatch(/^follower/);
  });

  it('whoever was cut off and asks for votes on and on comes back in the term of the others', () => {
    const group = new RaftGroup();
    play(group, 'add-nodes 3', 'lead 1', 'propose 1 a');
    for (let time = 0; time < 20; time += 1) play(group, 'tick 3 3', 'drop 1 2 from=3');
    expect(play(group, 'status 3')).toMatch(/ t1 /);
    play(group, 'stabilize');
    expect(play(group, 'status 1')).toMatch(/^leader t1/);
  });

  it('a read is answered after a round that a quorum answered, not from memory', () => {
    const group = new RaftGroup();
    play(group, 'add-nodes 3', 'lead 1');
    expect(play(group, 'round 1')).not.toContain('confirmed');
    expect(play(group, 'stabilize')).toContain('confirmed');
  });
});

describe('the members are taken from an old dump after a restart (#133)', () => {
  it('they are those of the log and of the snapshot', () => {
    const group = new RaftGroup();
    play(group, 'add-nodes 3', 'join 4', 'lead 1', 'change 1 add-learner 4', 'stabilize');
    play(group, 'change 1 promote 4', 'stabilize', 'compact 2 2');
    expect(play(group, 'restart 2')).toContain('voters=1,2,3,4');
  });
});

function where(disk: MemoryDisk) {
  return { directory: 'memory', groupId: GROUP_ID, disk };
}

function mark(index: number) {
  return { index, term: 1, digest: new Uint8Array() };
}

/** Eight entries, all of them applied, and the process that wrote them is dead. */
async function written(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const { store } = await openReplicaStore(where(disk));
  await store.bootstrap({ groupId: GROUP_ID, memberId: 1, membership: MEMBERSHIP });
  const hardState = { term: 1, vote: 1 };
  await store.write({
    persist: batch({ hardState, entries: run(1, 8, 1) }),
    applied: mark(8),
  });
  store.confirm();
  const entries = await store.readEntries(1, 8, 1_000_000);
  expect(entries.map(contentOf)).toHaveLength(8);
  disk.crash();
  return disk;
}
