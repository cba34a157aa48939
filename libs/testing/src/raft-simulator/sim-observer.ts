import type { LogIndex, Membership, RaftMachine, Term } from '#libs/raft';
import { knowsMembership, type Mirroring } from './mirror-batch.ts';
import type { Surroundings } from './surroundings.ts';
import { Violation } from './violation.ts';

/** Looks at one member as the oracle does, after each of its turns in one life. */
export class SimObserver {
  /** The end of its log as it was seen last while it led in this term. */
  #led: { readonly term: Term; readonly lastIndex: LogIndex; readonly hash: number } | null = null;

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
    this.#onlyAppends(member, role === 'leader' ? term : null);
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

  #onlyAppends({ id, mirror }: Mirroring, ledTerm: Term | null): void {
    const before = this.#led;
    const { lastIndex } = mirror;
    if (before !== null && before.term === ledTerm) {
      const same =
        !mirror.covers(before.lastIndex) || mirror.hashAt(before.lastIndex) === before.hash;
      if (lastIndex < before.lastIndex || !same) {
        throw new Violation('a leader only appends', { id, before, lastIndex });
      }
    }
    this.#led =
      ledTerm === null ? null : { term: ledTerm, lastIndex, hash: mirror.hashAt(lastIndex) };
  }
}
