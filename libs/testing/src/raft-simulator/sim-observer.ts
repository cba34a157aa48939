import type { LogIndex, Membership, RaftMachine, Term } from '#libs/raft';
import { knowsMembership, type Mirroring } from './mirror-batch.ts';
import type { Surroundings } from './surroundings.ts';

/** Looks at one member as the oracle does, after each of its turns in one life. */
export class SimObserver {
  constructor(
    private readonly world: Surroundings,
    public commitIndex: LogIndex,
    public membership: Membership,
    private readonly committed: (index: LogIndex, hash: number) => void,
  ) {}

  /** In force now, and before the turn under way: its last input may have changed it. */
  memberships(machine: RaftMachine): readonly Membership[] {
    return [machine.status().membership, this.membership];
  }

  elected(
    { id, mirror, machine }: Mirroring & { readonly machine: RaftMachine },
    term: Term,
  ): void {
    this.world.oracle.leaderElected(term, id, mirror, this.memberships(machine));
  }

  look(member: Mirroring & { readonly machine: RaftMachine }): void {
    const { commitIndex, membership, role, term } = member.machine.status();
    const memberships = this.memberships(member.machine);
    this.membership = membership;
    const { oracle, memberOf } = this.world;
    if (knowsMembership(member)) oracle.membershipInForce(member, membership);
    if (commitIndex <= this.commitIndex) return;
    this.commitIndex = commitIndex;
    if (role === 'leader') {
      oracle.countedInOwnTerm(member, commitIndex, term);
      oracle.committedOnQuorum(member, commitIndex, memberships, (id) => {
        const other = memberOf(id);
        return other?.emptied === true ? 'replaced' : other?.media;
      });
    }
    oracle.committed(member, commitIndex);
    this.committed(commitIndex, member.mirror.hashAt(commitIndex));
  }
}
