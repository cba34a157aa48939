import type { ControllerView } from '#libs/api';
import type { Member, RaftStatus } from '#libs/raft';
import type { ControllerCore } from '../controller-core.ts';
import type { PeerNetwork } from '../links/peer-network.ts';
import type { RaftHost } from '../raft-host/raft-host.ts';

export type MemberViewsOptions = {
  readonly core: ControllerCore;
  readonly host: RaftHost;
  readonly network: PeerNetwork;
  readonly ownName: string;
  readonly apiAddress: string;
};

/** The controllers as this one sees them. */
export class MemberViews {
  readonly #options: MemberViewsOptions;

  constructor(options: MemberViewsOptions) {
    this.#options = options;
  }

  get ownName(): string {
    return this.#options.ownName;
  }

  all(): ControllerView[] {
    const status = this.#options.host.status();
    return status.membership.members.map((member) =>
      member.id === status.self ? this.#own(member, status) : this.#other(member, status),
    );
  }

  #own({ name, address }: Member, status: RaftStatus): ControllerView {
    const { role, term, commitIndex, appliedIndex } = status;
    return {
      ...{ name, address, term, commitIndex, appliedIndex },
      apiUrl: `http://${this.#options.apiAddress}`,
      role: role === 'preCandidate' ? 'candidate' : role,
      reachable: true,
    };
  }

  #other({ id, name, address }: Member, status: RaftStatus): ControllerView {
    const { core, network } = this.#options;
    const apiAddress = core.apiAddresses.get(id);
    const reachable = network.isUp(id);
    const learner = status.membership.learners.includes(id);
    const follower = learner ? 'learner' : 'follower';
    const peer = status.peers.find((known) => known.id === id);
    return {
      ...{ name, address, reachable },
      apiUrl: apiAddress === undefined ? null : `http://${apiAddress}`,
      role: status.leader === id ? 'leader' : reachable ? follower : 'unknown',
      term: reachable ? status.term : null,
      commitIndex: peer === undefined ? null : Math.min(peer.matchIndex, status.commitIndex),
      appliedIndex: null,
    };
  }
}
