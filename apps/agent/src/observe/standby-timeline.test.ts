import { describe, expect, it } from 'vitest';
import { epochMs, lsnOf, timelineId } from '#libs/kernel';
import type { InstanceObservation, ReachableInstance } from '#libs/postgres-run';
import { StandbyTimeline } from './standby-timeline.ts';

function standby(timeline: number, startedAt = 1): ReachableInstance {
  return {
    kind: 'reachable',
    systemIdentifier: '7',
    version: { major: 15, minor: 0 },
    postmasterStartedAt: epochMs(startedAt),
    observedAt: epochMs(2),
    role: {
      kind: 'standby',
      timeline: timelineId(timeline),
      replayedLsn: lsnOf(1n),
      replayPaused: false,
    },
    replicas: [],
    slots: [],
    settings: {},
    pendingRestart: [],
    tookMs: 1,
  };
}

function timelineOf(seen: InstanceObservation): number | null {
  return seen.kind === 'reachable' ? seen.role.timeline : null;
}

describe('the timeline of a running standby', () => {
  it('stays what its receiver said when the receiver is gone', () => {
    const known = new StandbyTimeline();
    const timelines = [1, 3, 1, 4].map((seen) => timelineOf(known.complete(standby(seen))));
    expect(timelines).toEqual([1, 3, 3, 4]);
  });

  it('is not kept over a restart, which reads the files anew', () => {
    const known = new StandbyTimeline();
    known.complete(standby(3));
    expect(timelineOf(known.complete(standby(1, 2)))).toBe(1);
  });

  it('is after a restart what its WAL ended on before it', () => {
    const known = new StandbyTimeline();
    known.complete(standby(4));
    expect(timelineOf(known.complete(standby(3, 2), timelineId(4)))).toBe(4);
    expect(known.isSure).toBe(true);
    expect(timelineOf(known.complete(standby(3, 2)))).toBe(4);
  });

  it('is not sure after a restart before its receiver or its WAL has told it', () => {
    const known = new StandbyTimeline();
    known.complete(standby(3));
    expect(known.isSure).toBe(false);
    known.learn(timelineId(4));
    expect(known.isSure).toBe(true);
    expect(timelineOf(known.complete(standby(3)))).toBe(4);
    known.complete(standby(3, 2));
    expect(known.isSure).toBe(false);
    known.learn(null);
    expect(known.isSure).toBe(true);
  });
});
