import { describe, expect, it } from 'vitest';
import { lsnOf, timelineId } from '#libs/kernel';
import { type StreamingView, StreamingWatch } from './streaming-watch.ts';

const MB = 1_048_576n;
const whole: StreamingView = {
  replayedLsn: lsnOf(100n * MB),
  recoveringLsn: null,
  timeline: timelineId(2),
  streaming: true,
  latestEndLsn: lsnOf(101n * MB),
  expectedTimeline: timelineId(2),
  problem: null,
};

function far(replayedMb: bigint): StreamingView {
  return { ...whole, replayedLsn: lsnOf(replayedMb * MB), latestEndLsn: lsnOf(900n * MB) };
}

describe('a copy that was put in place', () => {
  it('is proved when it streams on the right timeline and is near its upstream', () => {
    expect(new StreamingWatch().look(whole, 0)).toEqual({ kind: 'proved' });
  });

  it.each([
    ['does not answer as a standby', { replayedLsn: null }],
    ['does not stream', { streaming: false }],
    ['is on another timeline', { timeline: timelineId(1) }],
    ['knows no timeline yet', { timeline: null }],
    ['has not heard from its upstream', { latestEndLsn: null }],
  ])('is waited for while it %s', (_what, change) => {
    expect(new StreamingWatch().look({ ...whole, ...change }, 0)).toEqual({ kind: 'waiting' });
  });

  it('that is far behind is proved by a lag that falls, not by one that grows', () => {
    const [falling, growing] = [new StreamingWatch(), new StreamingWatch()];
    for (const watch of [falling, growing]) {
      expect(watch.look(far(100n), 0)).toEqual({ kind: 'waiting' });
    }
    expect(falling.look(far(150n), 1_000)).toEqual({ kind: 'proved' });
    expect(growing.look({ ...far(150n), latestEndLsn: lsnOf(990n * MB) }, 1_000).kind).toBe(
      'waiting',
    );
  });

  it('is given up after a minute without progress, and says how it stood', () => {
    const watch = new StreamingWatch();
    const lost = { ...whole, streaming: false };
    watch.look(lost, 0);
    expect(watch.look(lost, 59_999)).toEqual({ kind: 'waiting' });
    expect(watch.look(lost, 60_000)).toEqual({
      kind: 'stalled',
      why: 'replay stands at 0/6400000 on timeline 2 for 60 s: the WAL after it is neither streamed nor in the archive',
    });
  });

  it('has a new minute with each progress of replay', () => {
    const watch = new StreamingWatch();
    watch.look({ ...far(100n), streaming: false }, 0);
    watch.look({ ...far(101n), streaming: false }, 50_000);
    expect(watch.look({ ...far(101n), streaming: false }, 109_000).kind).toBe('waiting');
    expect(watch.look({ ...far(101n), streaming: false }, 110_000).kind).toBe('stalled');
  });

  it('that is not consistent yet has as long as its recovery goes on, and says where it stood', () => {
    const watch = new StreamingWatch();
    const at = (mb: bigint) => ({ ...whole, replayedLsn: null, recoveringLsn: lsnOf(mb * MB) });
    for (let minute = 0; minute < 60; minute += 1) {
      const view = at(16n * BigInt(minute));
      expect(watch.look(view, minute * 60_000)).toEqual({ kind: 'waiting' });
    }
    expect(watch.look(at(944n), 59 * 60_000 + 119_999)).toEqual({ kind: 'waiting' });
    expect(watch.look(at(944n), 61 * 60_000)).toEqual({
      kind: 'stalled',
      why: 'recovery of the copy stands at 0/3B000000 for 120 s, before it is consistent',
    });
  });

  it('that does not start says why', () => {
    const watch = new StreamingWatch();
    const dead = { ...whole, replayedLsn: null, problem: 'FATAL: out of memory' };
    watch.look(dead, 0);
    expect(watch.look(dead, 60_000)).toMatchObject({
      why: 'the copy did not start as a standby in 60 s: FATAL: out of memory',
    });
  });
});
