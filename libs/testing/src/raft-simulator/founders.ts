import type { Membership } from '#libs/raft';

/** Members 1 to `count`, all of them voters. */
export function foundingMembership(count: number): Membership {
  const voters = Array.from({ length: count }, (_, at) => at + 1);
  return {
    members: voters.map((id) => ({ id, name: `c${id}`, address: `c${id}:7400` })),
    voters,
    outgoing: [],
    learners: [],
  };
}
