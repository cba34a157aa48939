import { describe, expect, it } from 'vitest';
import { DigestPoll } from './digest-poll.ts';
import { StateChecks } from './state-checks.ts';

const NOTHING = { index: 0, digest: 0 };

describe('the check of states through the log', () => {
  it('finds the odd member, whatever was applied since', () => {
    const [sound, odd] = [new StateChecks(), new StateChecks()];
    sound.apply(10, 111, NOTHING);
    odd.apply(10, 222, NOTHING);
    for (const checks of [sound, odd]) checks.apply(20, 333, NOTHING);
    expect(sound.newest).toEqual({ index: 20, digest: 333 });
    for (const checks of [sound, odd]) checks.apply(30, 444, { index: 10, digest: 111 });
    expect(sound.oddity).toBeNull();
    expect(odd.oddity).toEqual({ index: 10, expected: 111, found: 222 });
    odd.apply(40, 444, { index: 30, digest: 444 });
    expect(odd.oddity).not.toBeNull();
  });

  it('says nothing about a mark that this member did not see', () => {
    const restarted = new StateChecks();
    restarted.apply(30, 444, { index: 20, digest: 1 });
    expect(restarted.oddity).toBeNull();
  });
});

describe('the poll of digests', () => {
  const report = (poll: DigestPoll, digests: Readonly<Record<number, number>>, index = 10) => {
    for (const [member, digest] of Object.entries(digests)) {
      poll.take({ member: Number(member), index, digest });
    }
  };

  it('goes by the majority, also against the leader that asks', () => {
    const poll = new DigestPoll();
    report(poll, { 1: 222, 2: 111, 3: 111 });
    expect(poll.verdict([1, 2, 3])).toEqual({ index: 10, digest: 111, odd: [1] });
  });

  it.each([
    { what: 'half of the voters', digests: { 1: 111, 2: 222 }, voters: [1, 2] },
    { what: 'too few reports', digests: { 1: 111, 2: 111 }, voters: [1, 2, 3, 4, 5] },
    { what: 'learners', digests: { 1: 111, 4: 111, 5: 111 }, voters: [1, 2, 3] },
  ])('has no verdict by $what', ({ digests, voters }) => {
    const poll = new DigestPoll();
    report(poll, digests);
    expect(poll.verdict(voters)).toBeNull();
  });

  it('forgets what was said of an earlier mark', () => {
    const poll = new DigestPoll();
    report(poll, { 1: 111, 2: 111, 3: 111 });
    report(poll, { 1: 999 }, 20);
    report(poll, { 2: 111 }, 10);
    expect(poll.verdict([1, 2, 3])).toBeNull();
  });
});
