import { describe, expect, it } from 'vitest';
import type { RaftMachine } from '#libs/raft';
import { RoundScheduler } from './round-scheduler.ts';

/** A leader whose heartbeats leave when the test says so. */
function leader() {
  const raft = {
    beatDue: false,
    begun: 0,
    confirmRound() {
      this.begun += 1;
      return { accepted: true, round: this.begun } as const;
    },
  };
  const rounds = new RoundScheduler(raft as unknown as RaftMachine);
  let confirmed = 0;
  const owner = {
    onConfirmed: () => {
      confirmed += 1;
    },
    onUnconfirmed: () => undefined,
  };
  return { raft, rounds, owner, confirmed: () => confirmed };
}

describe('a confirmation that can wait for the next beat', () => {
  it('given no heartbeat is due, begins no round; with the heartbeats it does', () => {
    const { raft, rounds, owner, confirmed } = leader();
    rounds.request(owner, 'with-the-next-beat');
    expect(rounds.beginWhenDue(0)).toBe(false);
    raft.beatDue = true;
    expect(rounds.beginWhenDue(90)).toBe(true);
    rounds.onOutcome({ round: 1, readIndex: 7, outcome: 'confirmed' });
    expect(confirmed()).toBe(1);
  });

  it('given one that cannot wait, goes with it', () => {
    const { raft, rounds, owner, confirmed } = leader();
    rounds.request(owner, 'with-the-next-beat');
    rounds.request(owner);
    expect(rounds.beginWhenDue(0)).toBe(true);
    rounds.onOutcome({ round: raft.begun, readIndex: 7, outcome: 'confirmed' });
    expect(confirmed()).toBe(2);
  });

  it('given a crowd of them, as of 5,000 guards, a round of their own begins', () => {
    const { rounds, owner } = leader();
    for (let at = 0; at < 17; at += 1) rounds.request(owner, 'with-the-next-beat');
    expect(rounds.beginWhenDue(0)).toBe(true);
  });

  it('given the crowd was served, the next one waits again', () => {
    const { rounds, owner } = leader();
    rounds.request(owner);
    rounds.beginWhenDue(0);
    rounds.request(owner, 'with-the-next-beat');
    expect(rounds.beginWhenDue(1_000)).toBe(false);
  });
});
