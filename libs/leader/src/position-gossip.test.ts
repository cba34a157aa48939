import { describe, expect, it } from 'vitest';
import { lsnOf, monotonicMs, timelineId } from '#libs/kernel';
import { CappedTime } from '#libs/lease';
import { ObservationTable } from './observations.ts';
import { PositionGossip } from './position-gossip.ts';

/** More than there are clusters here: in most turns none is told that is no news. */
const TURNS = 5;

/** A leader that hears of two primaries; the clock stands, but for what `pass` adds. */
function leader() {
  let now = monotonicMs(0);
  const time = new CappedTime(10_000, now);
  const observations = new ObservationTable(time, now);
  const gossip = new PositionGossip(time);
  return {
    gossip,
    observations,
    wrote: (cluster: string, lsn: bigint) => {
      const position = { timeline: timelineId(1), lsn: lsnOf(lsn) };
      observations.positionKnown(cluster, position, 0, now);
    },
    pass: (durationMs: number) => {
      now = monotonicMs(now + durationMs);
      time.turn(now, true);
    },
    tells: (turns = TURNS) => [...gossip.messages(observations, turns)].flat(),
  };
}

describe('what the leader tells followers of primaries', () => {
  it('given one that writes and one that rests, names the one that writes, and each of them within so many turns', () => {
    const { wrote, tells, pass } = leader();
    wrote('busy', 10n);
    wrote('quiet', 20n);
    expect(tells().map(({ cluster }) => cluster)).toEqual(['busy', 'quiet']);
    wrote('busy', 11n);
    expect(tells()).toMatchObject([{ cluster: 'busy', lsn: 11n }]);
    pass(800);
    wrote('quiet', 20n);
    expect(tells()).toMatchObject([{ cluster: 'quiet', lsn: 20n, ageMs: 0 }]);
    expect(tells()).toMatchObject([{ cluster: 'busy', lsn: 11n, ageMs: 800 }]);
    expect(tells()).toEqual([]);
  });

  it('what a follower heard is what it begins with as a leader, older by the time since', () => {
    const told = leader();
    told.wrote('busy', 10n);
    const follower = leader();
    follower.gossip.heard(told.tells(1), monotonicMs(0));
    follower.pass(1_000);
    follower.gossip.seed(follower.observations, monotonicMs(1_000));
    expect(follower.observations.lastKnown('busy')).toMatchObject({ lsn: 10n, ageMs: 1_000 });
  });
});
