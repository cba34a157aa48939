import type { ControllerSeat, ControllersAnswer, ControllerView } from '#libs/api';
import type { Member, MemberId, Membership, RaftStatus } from '#libs/raft';
import type { ControllerCore } from '../controller-core.ts';
import type { PeerNetwork } from '../links/peer-network.ts';
import { memberRemarks } from '../membership/member-remarks.ts';
import type { RaftHost } from '../raft-host/raft-host.ts';

export type MemberViewsOptions = {
  readonly core: ControllerCore;
  readonly host: RaftHost;
  readonly network: PeerNetwork;
  readonly ownName: string;
  readonly apiAddress: string;
};

type Peer = Pick<RaftStatus['peers'][number], 'matchIndex' | 'recentlyActive'>;

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

  seats(): ControllersAnswer {
    const { host, core } = this.#options;
    const status = host.status();
    const { term, commitIndex, membership } = status;
    const views = this.all();
    return {
      ...{ controller: this.ownName, leader: core.leader.name, term, commitIndex },
      toleratedFailures: Math.floor((membership.voters.length - 1) / 2),
      remark: remarkOn(membership),
      controllers: membership.members.flatMap((member, at) => {
        const view = views[at];
        return view === undefined ? [] : [this.#seat(member, view, status)];
      }),
    };
  }

  #seat(member: Member, view: ControllerView, status: RaftStatus): ControllerSeat {
    const { id, name, address } = member;
    const own = id === status.self;
    const peer = status.peers.find((known) => known.id === id);
    const matchIndex = own ? status.durableIndex : heldUpTo(peer);
    const heard = own || peer?.recentlyActive === true;
    const keepsUp = own ? status.diskKeepsUp : peer?.diskKeepsUp === true;
    const stallMs = own ? this.#options.host.writeStallMs : (peer?.writeStallMs ?? null);
    const leads = status.leader === status.self;
    return {
      ...{ id, name, address, role: view.role, matchIndex },
      standing: standingOf(status.membership, id),
      appliedIndex: view.appliedIndex,
      lagEntries: matchIndex === null || !leads ? null : status.lastIndex - matchIndex,
      reachable: own || (leads ? heard : view.reachable),
      disk: !heard || stallMs === null ? 'unknown' : keepsUp ? 'keeps up' : 'stalled',
      writeStallMs: heard && stallMs !== null ? Math.round(stallMs) : null,
      remarks: view.remarks,
    };
  }

  #own({ name, address }: Member, status: RaftStatus): ControllerView {
    const { role, term, commitIndex, appliedIndex } = status;
    return {
      ...{ name, address, term, commitIndex, appliedIndex },
      apiUrl: `http://${this.#options.apiAddress}`,
      role: role === 'preCandidate' ? 'candidate' : role,
      reachable: true,
      remarks: memberRemarks(name, { disk: this.#options.core.announcements.ownDisk }),
    };
  }

  #other({ id, name, address }: Member, status: RaftStatus): ControllerView {
    const { core, network } = this.#options;
    const apiAddress = core.announcements.apiAddressOf(id);
    const reachable = network.isUp(id);
    const learner = status.membership.learners.includes(id);
    const follower = learner ? 'learner' : 'follower';
    const held = heldUpTo(status.peers.find((known) => known.id === id));
    return {
      ...{ name, address, reachable },
      apiUrl: apiAddress === undefined ? null : `http://${apiAddress}`,
      role: status.leader === id ? 'leader' : reachable ? follower : 'unknown',
      term: reachable ? status.term : null,
      commitIndex: held === null ? null : Math.min(held, status.commitIndex),
      appliedIndex: null,
      remarks: memberRemarks(name, {
        seatLost: core.seats.isLost(id),
        stray: core.seats.isStray(id),
        disk: core.announcements.diskOf(id),
        away: !reachable,
      }),
    };
  }
}

/** Null while nobody knows: this leader has not heard from it since its election. */
export function heldUpTo(peer: Peer | undefined): number | null {
  if (peer === undefined || (peer.matchIndex === 0 && !peer.recentlyActive)) return null;
  return peer.matchIndex;
}

function standingOf({ voters, learners }: Membership, id: MemberId): ControllerSeat['standing'] {
  if (voters.includes(id)) return 'voter';
  return learners.includes(id) ? 'learner' : 'leaving';
}

function remarkOn({ voters, learners, outgoing }: Membership): string | null {
  if (outgoing.length > 0) return 'a replacement is under way';
  if (learners.length > 0) return 'a learner becomes a voter by itself once it holds the log';
  const count = voters.length;
  if (count % 2 === 1) return null;
  return `${count} voters tolerate no more failures than ${count - 1}: add or remove one`;
}
