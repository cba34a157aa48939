import type { Prng } from '#libs/kernel';
import type { Membership, MembershipChange, RaftMachine } from '#libs/raft';
import { commandOf } from './hashes.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimMember } from './sim-member.ts';
import type { OperationKind, Swarm } from './swarm.ts';

export type WorkScene = {
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly swarm: Swarm;
  readonly members: () => readonly SimMember[];
  readonly join: () => number | null;
  readonly over: () => boolean;
};

/** Clients and operators: commands with unique serials, reads, transfers, membership changes. */
export class Workload {
  #serial = 0;

  constructor(private readonly scene: WorkScene) {}

  start(): void {
    const { proposeEveryMs, readEveryMs, operateEveryMs, operations } = this.scene.swarm;
    this.#every(proposeEveryMs, () => this.proposeSome());
    this.#every(readEveryMs, () => this.leaning().read());
    if (operations.length > 0) {
      this.#every(operateEveryMs, () => this.#operate(this.scene.prng.pick(operations)));
    }
  }

  /** A few commands to one member; most often to one that believes it leads. */
  proposeSome(): void {
    const { prng } = this.scene;
    const payloads = Array.from({ length: prng.pick([1, 1, 2, 8]) }, () => {
      this.#serial += 1;
      return commandOf(this.#serial, prng.pick([4, 20, 90]));
    });
    this.leaning().propose(payloads);
  }

  leaning(): SimMember {
    const { prng } = this.scene;
    const members = this.scene.members();
    const leaders = members.filter((member) => member.running && member.isLeader);
    return leaders.length > 0 && prng.chance(0.9) ? prng.pick(leaders) : prng.pick(members);
  }

  #operate(kind: OperationKind): void {
    const { prng } = this.scene;
    const members = this.scene.members();
    const leader = this.leaning();
    switch (kind) {
      case 'transfer': {
        const to = prng.pick(members).id;
        leader.operate((machine) => machine.transferLeadership(to));
        return;
      }
      case 'campaignRush': {
        prng.pick(members).hurry(8);
        return;
      }
      default:
        leader.operate((machine) => this.#changeMembership(machine));
    }
  }

  #changeMembership(machine: RaftMachine): void {
    const { membership } = machine.status();
    const change = this.#drawChange(membership);
    if (change !== null) machine.proposeMembership(change);
  }

  #drawChange({ voters, learners, members }: Membership): MembershipChange | null {
    const { prng } = this.scene;
    const [learner] = learners;
    if (learner !== undefined && prng.chance(0.7)) {
      if (prng.chance(0.5)) return { type: 'promote', id: learner };
      return { type: 'replace', outgoing: prng.pick(voters), incoming: learner };
    }
    if (voters.length > 2 && prng.chance(0.3)) return { type: 'remove', id: prng.pick(voters) };
    if (members.length >= 7) return null;
    const id = this.scene.join();
    if (id === null) return null;
    return { type: 'addLearner', member: { id, name: `c${id}`, address: `c${id}:7400` } };
  }

  #every(periodMs: number, run: () => void): void {
    const { scheduler, prng } = this.scene;
    const next = (): void => {
      if (this.scene.over()) return;
      run();
      scheduler.after(prng.unit() * 2 * periodMs, next);
    };
    scheduler.after(prng.unit() * periodMs, next);
  }
}
