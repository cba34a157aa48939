import { expect, it } from 'vitest';
import { seededPrng } from '#libs/kernel';
import { createRaft, type InitialState } from './index.ts';

const CONFIG = {
  ...{ self: 1, heartbeatTicks: 2, electionTicks: 20 },
  ...{ maxAppendBytes: 1_000, maxInflightAppends: 8, maxInflightBytes: 10_000 },
  ...{ maxUncommittedBytes: 10_000, cacheBytes: 10_000 },
};
const MEMBERS = [1, 2, 3].map((id) => ({ id, name: `c${id}`, address: `c${id}:7400` }));
const MEMBERSHIP = { members: MEMBERS, voters: [1, 2, 3], outgoing: [], learners: [] };
const FRESH: InitialState = {
  hardState: { term: 0, vote: 0 },
  snapshot: { index: 0, term: 0, membership: MEMBERSHIP },
  ...{ membershipIndex: 0, membership: MEMBERSHIP, appliedIndex: 0 },
  ...{ tail: [], firstIndex: 1, lastIndex: 0, termRuns: [] },
};

it('a compaction that was under way as a snapshot came says nothing while that is being loaded', () => {
  const raft = createRaft(CONFIG, FRESH, seededPrng(1));
  const leader = { from: 2, to: 1, term: 1 };
  raft.step({ type: 'heartbeat', ...leader, commitIndex: 0, round: 0 });
  raft.takeOutput();
  const meta = { index: 50, term: 1, membership: MEMBERSHIP };
  expect(raft.onSnapshotReceived(meta, 2, 1)).toBe(true);
  const output = raft.takeOutput();
  raft.onPersisted(output?.persist?.seq ?? 0);
  // The storage says up to where its log is gone: to the snapshot, which is not applied here yet.
  raft.compactTo(meta.index);
  raft.onApplied(meta.index);
  expect(raft.status()).toMatchObject({ firstIndex: 51, appliedIndex: 50, commitIndex: 50 });
});
