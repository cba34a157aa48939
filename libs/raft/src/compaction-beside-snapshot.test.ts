import { expect, it } from 'vitest';
import { seededPrng } from '#libs/kernel';
import { createRaft } from './index.ts';
import { FIRST_OF_THREE, FRESH, THREE_MEMBERS } from './three-members.fixture.ts';

it('a compaction that was under way as a snapshot came says nothing while that is being loaded', () => {
  const raft = createRaft(FIRST_OF_THREE, FRESH, seededPrng(1));
  const leader = { from: 2, to: 1, term: 1 };
  raft.step({ type: 'heartbeat', ...leader, commitIndex: 0, round: 0 });
  raft.takeOutput();
  const meta = { index: 50, term: 1, membership: THREE_MEMBERS };
  expect(raft.onSnapshotReceived(meta, 2, 1)).toBe(true);
  const output = raft.takeOutput();
  raft.onPersisted(output?.persist?.seq ?? 0);
  // The storage says up to where its log is gone: to the snapshot, which is not applied here yet.
  raft.compactTo(meta.index);
  raft.onApplied(meta.index);
  expect(raft.status()).toMatchObject({ firstIndex: 51, appliedIndex: 50, commitIndex: 50 });
});
