import { describe, expect, it } from 'vitest';
import { lsnOf, timelineId } from '#libs/kernel';
import { brokenPromise, lostBytesOf } from './promise.ts';

describe('lost bytes', () => {
  const acknowledged = new Map([
    [timelineId(1), lsnOf(5_000n)],
    [timelineId(2), lsnOf(9_000n)],
  ]);

  it('are those of the worst failover, and none where the history goes on further', () => {
    const forks = [
      { from: timelineId(1), lsn: lsnOf(4_000n) },
      { from: timelineId(2), lsn: lsnOf(9_500n) },
    ];
    expect(lostBytesOf(forks, acknowledged)).toBe(1_000n);
  });

  it('are none on a timeline that nobody was promised anything on', () => {
    expect(lostBytesOf([{ from: timelineId(3), lsn: lsnOf(1n) }], acknowledged)).toBe(0n);
  });
});

describe('the promise', () => {
  it('of asynchronous replication bears a loss within the limit, and no dual acknowledgement', () => {
    expect(brokenPromise('async', { dual: 0, lost: 9, lostBytes: 100 }, 100)).toBeNull();
    expect(brokenPromise('async', { dual: 0, lost: 9, lostBytes: 101 }, 100)).toMatch(/101 bytes/);
    expect(brokenPromise('async', { dual: 1, lost: 0, lostBytes: 0 }, 100)).toMatch(/dual/);
  });

  it.each(['sync', 'quorum'] as const)('of %s replication bears no lost row', (mode) => {
    expect(brokenPromise(mode, { dual: 0, lost: 0, lostBytes: 0 }, 100)).toBeNull();
    expect(brokenPromise(mode, { dual: 0, lost: 1, lostBytes: 1 }, 100)).toMatch(/1 acknowledged/);
  });
});
