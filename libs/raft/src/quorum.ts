import type { MemberId, Membership } from './types.ts';

/** What an empty set of voters agrees to: anything, so that the other half of a joint pair decides. */
const EVERYTHING = Number.MAX_SAFE_INTEGER;

function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/** The highest value that a majority of `voters` (and of `outgoing`, when joint) has reached. */
export function reachedByQuorum(membership: Membership, valueAt: (id: MemberId) => number): number {
  const incoming = reachedByMajority(membership.voters, valueAt);
  if (membership.outgoing.length === 0) return incoming;
  return Math.min(incoming, reachedByMajority(membership.outgoing, valueAt));
}

export function isQuorum(membership: Membership, agrees: (id: MemberId) => boolean): boolean {
  return isMajority(membership.voters, agrees) && isMajority(membership.outgoing, agrees);
}

export type VoteResult = 'won' | 'lost' | 'open';

export function voteResult(
  membership: Membership,
  votes: ReadonlyMap<MemberId, boolean>,
): VoteResult {
  if (isQuorum(membership, (id) => votes.get(id) === true)) return 'won';
  return isQuorum(membership, (id) => votes.get(id) !== false) ? 'open' : 'lost';
}

export function isVoter(membership: Membership, id: MemberId): boolean {
  return membership.voters.includes(id) || membership.outgoing.includes(id);
}

/** Groups are small (seven at most), so counting beats sorting and allocates nothing. */
function reachedByMajority(voters: readonly MemberId[], valueAt: (id: MemberId) => number): number {
  if (voters.length === 0) return EVERYTHING;
  const needed = majorityOf(voters.length);
  let best = 0;
  for (const candidate of voters) {
    const value = valueAt(candidate);
    if (value <= best) continue;
    let reached = 0;
    for (const id of voters) if (valueAt(id) >= value) reached += 1;
    if (reached >= needed) best = value;
  }
  return best;
}

function isMajority(voters: readonly MemberId[], agrees: (id: MemberId) => boolean): boolean {
  if (voters.length === 0) return true;
  let agreeing = 0;
  for (const id of voters) if (agrees(id)) agreeing += 1;
  return agreeing >= majorityOf(voters.length);
}
