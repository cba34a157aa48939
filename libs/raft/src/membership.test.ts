import { describe, expect, it } from 'vitest';
import { changed, leftJoint, MembershipHistory } from './membership.ts';
import type { MembershipChange } from './ports.ts';
import type { Member, MemberId, Membership } from './types.ts';

const member = (id: MemberId): Member => ({ id, name: `c${id}`, address: `c${id}:7400` });

function group(voters: readonly MemberId[], learners: readonly MemberId[] = []): Membership {
  return { members: [...voters, ...learners].map(member), voters, outgoing: [], learners };
}

describe('a membership change', () => {
  const trio = group([1, 2, 3], [4]);
  it.each<{ change: MembershipChange; voters: number[]; outgoing: number[]; learners: number[] }>([
    {
      change: { type: 'addLearner', member: member(5) },
      voters: [1, 2, 3],
      outgoing: [],
      learners: [4, 5],
    },
    { change: { type: 'promote', id: 4 }, voters: [1, 2, 3, 4], outgoing: [], learners: [] },
    { change: { type: 'remove', id: 2 }, voters: [1, 3], outgoing: [], learners: [4] },
    { change: { type: 'remove', id: 4 }, voters: [1, 2, 3], outgoing: [], learners: [] },
    {
      change: { type: 'replace', outgoing: 2, incoming: 4 },
      voters: [1, 3, 4],
      outgoing: [1, 2, 3],
      learners: [],
    },
  ])('$change.type leads to voters $voters', ({ change, voters, outgoing, learners }) => {
    expect(changed(trio, change)).toMatchObject({ voters, outgoing, learners });
  });

  it.each<{ change: MembershipChange; why: string }>([
    { change: { type: 'addLearner', member: member(3) }, why: 'the id is taken' },
    { change: { type: 'promote', id: 1 }, why: 'it votes already' },
    { change: { type: 'promote', id: 9 }, why: 'it is a stranger' },
    { change: { type: 'remove', id: 9 }, why: 'it is a stranger' },
    { change: { type: 'replace', outgoing: 2, incoming: 9 }, why: 'the new one is no learner' },
    { change: { type: 'replace', outgoing: 4, incoming: 4 }, why: 'the old one is no voter' },
  ])('$change.type is refused because $why', ({ change }) => {
    expect(changed(trio, change)).toBeNull();
  });

  it('never removes the last voter', () => {
    expect(changed(group([1]), { type: 'remove', id: 1 })).toBeNull();
  });

  it('waits until a joint membership is left, and leaving it lets the old member go', () => {
    const joint = changed(trio, { type: 'replace', outgoing: 2, incoming: 4 });
    if (joint === null) throw new Error('the replacement is valid');
    expect(joint.members.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
    expect(changed(joint, { type: 'remove', id: 1 })).toBeNull();
    expect(leftJoint(joint)).toMatchObject({ voters: [1, 3, 4], outgoing: [] });
    expect(leftJoint(joint).members.map(({ id }) => id)).toEqual([1, 3, 4]);
  });
});

describe('the history of memberships', () => {
  it('takes an appended one into force, and back when its entry is truncated', () => {
    const history = new MembershipHistory(0, group([1, 2, 3]));
    history.append(7, group([1, 2]));
    expect(history.current.voters).toEqual([1, 2]);
    expect(history.truncateFrom(8)).toBe(false);
    expect(history.truncateFrom(7)).toBe(true);
    expect(history.current.voters).toEqual([1, 2, 3]);
  });

  it('lets a member lead that only an uncommitted change removes', () => {
    const history = new MembershipHistory(0, group([1, 2, 3]));
    history.append(7, group([1, 2]));
    expect(history.mayLead(3)).toBe(true);
    history.commitTo(7);
    expect(history.mayLead(3)).toBe(false);
    expect(history.hasBetween(6, 7)).toBe(true);
    expect(history.hasBetween(7, 9)).toBe(false);
  });
});
