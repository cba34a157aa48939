import { unreachable } from '#libs/kernel';
import type { MembershipChange } from './ports.ts';
import { isVoter } from './quorum.ts';
import type { LogIndex, MemberId, Membership } from './types.ts';

/**
 * The membership that a change leads to, or null when the change makes no sense. Adding, promoting
 * and removing move one voter at a time, so majorities before and after overlap; a replacement is
 * joint until `leaveJoint` (Raft dissertation 4.3).
 */
export function changed(current: Membership, change: MembershipChange): Membership | null {
  if (current.outgoing.length > 0) return null;
  const { members, voters, learners } = current;
  switch (change.type) {
    case 'addLearner': {
      if (members.some(({ id }) => id === change.member.id)) return null;
      return {
        ...current,
        members: [...members, change.member],
        learners: [...learners, change.member.id],
      };
    }
    case 'promote': {
      if (!learners.includes(change.id)) return null;
      return {
        ...current,
        voters: [...voters, change.id],
        learners: without(learners, change.id),
      };
    }
    case 'remove': {
      if (!members.some(({ id }) => id === change.id)) return null;
      const left = without(voters, change.id);
      if (left.length === 0) return null;
      return {
        members: members.filter(({ id }) => id !== change.id),
        voters: left,
        outgoing: [],
        learners: without(learners, change.id),
      };
    }
    case 'replace': {
      if (!learners.includes(change.incoming) || !voters.includes(change.outgoing)) return null;
      return {
        members,
        voters: [...without(voters, change.outgoing), change.incoming],
        outgoing: voters,
        learners: without(learners, change.incoming),
      };
    }
    default:
      return unreachable(change);
  }
}

/** The second half of a joint change: the old majority is no longer needed. */
export function leftJoint(joint: Membership): Membership {
  const { voters, learners } = joint;
  return {
    members: joint.members.filter(({ id }) => voters.includes(id) || learners.includes(id)),
    voters,
    outgoing: [],
    learners,
  };
}

/**
 * The memberships that may still matter: the newest committed one and those after it. One takes
 * effect when it is appended, and is taken back when its entry is truncated.
 */
export class MembershipHistory {
  readonly #steps: { readonly index: LogIndex; readonly membership: Membership }[];

  constructor(index: LogIndex, membership: Membership) {
    this.#steps = [{ index, membership }];
  }

  get current(): Membership {
    return this.#newest.membership;
  }

  /** The index of the entry that made the current membership, 0 for the bootstrap. */
  get index(): LogIndex {
    return this.#newest.index;
  }

  /**
   * Whether `id` votes in the current membership or in one that may still come back: a member that a
   * not yet committed change removes must be able to lead, or nobody can finish that change when it
   * alone has the entry (dissertation 4.2.2).
   */
  mayLead(id: MemberId): boolean {
    return this.#steps.some(({ membership }) => isVoter(membership, id));
  }

  append(index: LogIndex, membership: Membership): void {
    this.#steps.push({ index, membership });
  }

  /** True when a membership was taken back. */
  truncateFrom(index: LogIndex): boolean {
    const before = this.#steps.length;
    while (this.#steps.length > 1 && this.#newest.index >= index) this.#steps.pop();
    return this.#steps.length < before;
  }

  commitTo(index: LogIndex): void {
    while ((this.#steps[1]?.index ?? Number.MAX_SAFE_INTEGER) <= index) this.#steps.shift();
  }

  /** True when a membership entry lies in (`after`, `upTo`]. */
  hasBetween(after: LogIndex, upTo: LogIndex): boolean {
    return this.#steps.some(({ index }) => index > after && index <= upTo);
  }

  reset(index: LogIndex, membership: Membership): void {
    this.#steps.length = 0;
    this.#steps.push({ index, membership });
  }

  get #newest(): { readonly index: LogIndex; readonly membership: Membership } {
    const newest = this.#steps[this.#steps.length - 1];
    if (newest === undefined) throw new RangeError('a membership history is never empty');
    return newest;
  }
}

function without(ids: readonly MemberId[], id: MemberId): readonly MemberId[] {
  return ids.filter((each) => each !== id);
}
