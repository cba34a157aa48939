import { describe, expect, it } from 'vitest';
import type { DivergedWal, Outage } from '#libs/cluster';
import { epoch, epochMs, instanceName, lsnOf, timelineId } from '#libs/kernel';
import { outageViewOf } from './outages.ts';

const outage: Outage = {
  ...{ number: 1, kind: 'failover', outcome: 'completed', trigger: 'lease-expired' },
  ...{ by: 'controller', from: instanceName('pg1'), to: instanceName('pg2'), epoch: epoch(1) },
  ...{ sequence: 20, startedAt: epochMs(1), endedAt: epochMs(2), reason: null, attempts: 1 },
  ...{ phasesMs: {}, followMs: null, lostBytes: 0n },
} as Outage;

const at = (lsn: bigint) => ({ timeline: timelineId(1), lsn: lsnOf(lsn) });
const wal: DivergedWal = {
  ...{ keptAt: 1, path: '/lost', from: at(4_096n), to: at(4_288n), keptBytes: 1, truncated: false },
  ...{ committed: 1, aborted: 0, firstCommit: null, lastCommit: null, relations: [] },
  moreRelations: 0,
};

describe('what a failover lost', () => {
  it('is what was known, and once the old primary is back what it had committed alone', () => {
    expect(outageViewOf(outage).lostText).toBe('0 B');
    expect(outageViewOf({ ...outage, lostBytes: null }).lostText).toBeNull();
    const found = outageViewOf({ ...outage, divergedWal: wal });
    expect(found).toMatchObject({ lostBytes: '0', lostText: '192 B' });
    expect(found.divergedWal?.text).toContain('1 committed transaction, 0 aborted');
    const nothing = { ...outage, divergedWal: { ...wal, committed: 0 } };
    expect(outageViewOf(nothing).lostText).toBe('0 B');
  });
});
