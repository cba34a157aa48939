import { describe, expect, it } from 'vitest';
import { named, runningCluster, type Scenario } from '#libs/testing';
import type { DivergedWal } from '../../diverged-wal.ts';
import { nextTimeline } from '../candidates/timelines.ts';
import { decide } from '../decide.ts';
import { decideSwitchover } from '../switchover/switchover.ts';

/** What pg2 had written up to `timeline` before it was rewound; it is a standby of timeline 1 again. */
function rewound(timeline: number): Scenario {
  const wal = {
    ...{ keptAt: 7, path: '/lost/7', keptBytes: 1, truncated: false, committed: 3, aborted: 0 },
    from: { timeline: 1, lsn: 95n },
    to: { timeline, lsn: 120n },
    ...{ firstCommit: null, lastCommit: null, relations: [], moreRelations: 0 },
  } as unknown as DivergedWal;
  return runningCluster().hears('pg2', { divergedWal: wal });
}

describe('a timeline that was taken by hand (`pg_ctl promote`)', () => {
  it('is never given out, also when nobody has it any more', () => {
    const scenario = rewound(2);
    expect(scenario.settle()).toEqual(['record-diverged-wal']);
    expect(scenario.last('DivergedWalKept').taken).toBe(2);
    expect(nextTimeline(scenario.input)).toBe(3);
    expect(decideSwitchover(scenario.input, named('pg3')).kind).toBe('decided');
  });

  it('is not told of one that was granted, nor believed of one that is far away', () => {
    for (const timeline of [1, 100_000]) {
      const scenario = rewound(timeline);
      scenario.settle();
      expect(scenario.last('DivergedWalKept')).not.toHaveProperty('taken');
      expect(nextTimeline(scenario.input)).toBe(2);
    }
  });

  it('is not told in a group whose controllers would fold it differently', () => {
    const { input } = rewound(2);
    const [event] = decide({ ...input, protocol: 6 })?.events ?? [];
    expect(event).toMatchObject({ type: 'DivergedWalKept' });
    expect(event).not.toHaveProperty('taken');
  });
});
