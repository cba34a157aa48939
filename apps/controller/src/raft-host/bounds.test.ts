/** Queues that a busy or broken neighbour could fill: each has an end, and says so by name. */
import { describe, expect, it } from 'vitest';
import { seededPrng } from '#libs/kernel';
import { ProposalIntake, type ProposalLoss, RoundScheduler, TurnBudget } from '#libs/leader';
import { createRaft, type InitialState, type Membership, type Message } from '#libs/raft';
import { Snapshotter } from '#libs/storage';
import { systemClock } from '../system-clock.ts';
import { InputLanes } from './input-lanes.ts';

const ALONE: Membership = {
  members: [{ id: 1, name: 'c1', address: 'c1:7400' }],
  voters: [1],
  outgoing: [],
  learners: [],
};
const LIMITS = {
  ...{ self: 1, heartbeatTicks: 2, electionTicks: 10, maxAppendBytes: 64_000 },
  ...{ maxInflightAppends: 64, maxInflightBytes: 1_000_000, cacheBytes: 1_000_000 },
};

/** One that leads and whose disk never ends a write, so that nothing commits. */
function leaderWithoutDisk(maxUncommittedBytes: number) {
  const initial: InitialState = {
    hardState: { term: 0, vote: 0 },
    snapshot: { index: 0, term: 0, membership: ALONE },
    ...{ membership: ALONE, membershipIndex: 0, firstIndex: 1, lastIndex: 0 },
    ...{ termRuns: [], appliedIndex: 0, tail: [] },
  };
  const raft = createRaft({ ...LIMITS, maxUncommittedBytes }, initial, seededPrng(1));
  for (let tick = 0; raft.status().role !== 'leader'; tick += 1) {
    raft.tick();
    for (let out = raft.takeOutput(); out !== null; out = raft.takeOutput()) {
      if (out.persist !== null) raft.onPersisted(out.persist.seq);
      for (const { index } of out.apply.slice(-1)) raft.onApplied(index);
    }
    if (tick > 100) throw new Error('no leader');
  }
  return raft;
}

const heartbeat: Message = {
  ...{ type: 'heartbeat', from: 2, to: 1, term: 1, commitIndex: 0, round: 0 },
};
const append: Message = {
  ...{ type: 'appendRequest', from: 2, to: 1, term: 1, prevIndex: 0, prevTerm: 0 },
  ...{ commitIndex: 0, entries: [] },
};

describe('what may wait for a turn', () => {
  it.each([
    { what: 'control messages', message: heartbeat, limit: 16_384 },
    { what: 'append requests', message: append, limit: 4_096 },
  ])('$limit $what, then they are dropped and counted', ({ message, limit }) => {
    const lanes = new InputLanes();
    for (let at = 0; at < limit; at += 1) expect(lanes.addMessage(message)).toBe(true);
    expect(lanes.addMessage(message)).toBe(false);
    expect(lanes.dropped).toBe(1);
    // The other class has its own room.
    expect(lanes.addMessage(message === append ? heartbeat : append)).toBe(true);
  });

  it('16,384 proposals; one more is refused at once', () => {
    const intake = new ProposalIntake(leaderWithoutDisk(1_000_000));
    const owner = { onApplied: () => undefined, onLost: () => undefined };
    const payload = new Uint8Array(1);
    for (let at = 0; at < 16_384; at += 1) expect(intake.add(payload, owner)).toBe(true);
    expect(intake.add(payload, owner)).toBe(false);
    expect(intake.counts.refused).toBe(1);
  });

  it('so many uncommitted bytes; what is beyond is OVERLOADED and was not applied', () => {
    const intake = new ProposalIntake(leaderWithoutDisk(1_000));
    const losses: ProposalLoss[] = [];
    const owner = { onApplied: () => undefined, onLost: (loss: ProposalLoss) => losses.push(loss) };
    for (let at = 0; at < 40; at += 1) {
      intake.add(new Uint8Array(100), owner);
      intake.propose(new TurnBudget(systemClock));
    }
    expect(losses.length).toBeGreaterThan(20);
    expect(losses[0]).toMatchObject({ code: 'OVERLOADED', outcome: 'notApplied' });
  });

  it('100,000 reads and renewals; one more is told that it is not confirmed', () => {
    const rounds = new RoundScheduler(leaderWithoutDisk(1_000));
    let unconfirmed = 0;
    const owner = {
      onConfirmed: () => undefined,
      onUnconfirmed: () => {
        unconfirmed += 1;
      },
    };
    for (let at = 0; at < 100_000; at += 1) rounds.request(owner);
    expect(unconfirmed).toBe(0);
    rounds.request(owner);
    expect([rounds.waiting, unconfirmed]).toEqual([100_000, 1]);
  });

  it('8 pieces of a snapshot beside the one that is written; the sender repeats what is dropped', async () => {
    let written = 0;
    let goOn: () => void = () => undefined;
    const disk = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const receiver = {
      begin: async () => 0,
      write: async (offset: number, bytes: Uint8Array) => {
        await disk;
        written += 1;
        return offset + bytes.length;
      },
    };
    let answers = 0;
    const snapshotter = new Snapshotter({
      self: 1,
      storage: { openSnapshotReceiver: () => receiver },
      links: {
        send: () => {
          answers += 1;
        },
      },
      feed: () => undefined,
      failed: (error: unknown) => {
        throw error;
      },
    } as unknown as ConstructorParameters<typeof Snapshotter>[0]);
    const piece = {
      ...{ type: 'snapshotChunk', from: 2, to: 1, term: 1, index: 5, snapshotTerm: 1 },
      ...{ membership: new Uint8Array([148, 144, 144, 144, 144]), last: false, sha256: null },
    };
    for (let at = 0; at < 30; at += 1) {
      snapshotter.onChunk({ ...piece, offset: at * 10, bytes: new Uint8Array(10) } as never);
    }
    goOn();
    while (answers < 9) await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(written).toBe(9);
  });
});
