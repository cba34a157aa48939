import type { ControllerOrderAnswer } from '#libs/api';
import { type Member, type MemberId, type MembershipChange, seatAt } from '#libs/raft';
import type { LinkSecurity, LinkSelf } from '#libs/transport';
import { ApiProblem } from '../http/api-problem.ts';
import type { RaftHost } from '../raft-host/raft-host.ts';
import { joinTokenText } from './join-token.ts';
import type { Promoter } from './promoter.ts';
import { holdsLog } from './promoter.ts';
import { proveAddress } from './prove-address.ts';
import { refusalText } from './refusal-text.ts';
import { tooOldText } from './too-old-text.ts';

export type MembershipOrdersOptions = {
  readonly host: RaftHost;
  readonly promoter: Promoter;
  readonly security: LinkSecurity;
  readonly self: LinkSelf;
  readonly electionTimeoutMs: number;
  /** Whether its disk is: as a leader it would refuse what grows. */
  readonly nearlyFull: (id: MemberId) => boolean;
};

const MEMBERS_MAX = 7;
/** Clients wait five seconds for an answer. */
const COMMIT_LIMIT_MS = 3_500;
const LOOK_EVERY_MS = 10;
/** Two ticks and an answer on its way. */
const SILENCE_SHOWS_MS = 200;

/** What operators order about controllers. On the leader; one that must go first hands over. */
export class MembershipOrders {
  readonly #options: MembershipOrdersOptions;
  #adding = false;

  constructor(options: MembershipOrdersOptions) {
    this.#options = options;
  }

  /** @throws ApiProblem */
  add(name: string, address: string): Promise<ControllerOrderAnswer> {
    return this.#admit(name, address, MEMBERS_MAX);
  }

  async #admit(name: string, address: string, most: number): Promise<ControllerOrderAnswer> {
    const { members } = this.#status().membership;
    this.#checkRoom(members, name, address);
    if (members.length >= most) {
      const way = 'remove one first, or put the new one in its place with `replace`';
      throw refused(`there are ${members.length} controllers, the most there can be: ${way}`);
    }
    if (this.#adding) throw refused('another controller is being added: try again');
    this.#adding = true;
    try {
      await this.#prove(name, address);
      // The entry will stand at this index: nothing else runs between here and the proposal.
      const id = seatAt(this.#status().lastIndex + 1);
      await this.#change({ type: 'addLearner', member: { id, name, address } }, name, (committed) =>
        committed.some((member) => member.id === id),
      );
      const { groupId } = this.#options.self;
      const token = joinTokenText({ name, memberId: id, groupId });
      const text = `${name} is member ${id}, a learner until it holds the log, then a voter`;
      return { name, memberId: id, complete: false, token, text };
    } finally {
      this.#adding = false;
    }
  }

  /** The leader itself is removed by its successor: see `mustHandOver`. @throws ApiProblem */
  async remove(name: string): Promise<ControllerOrderAnswer> {
    const { id } = this.#member(name);
    const { voters } = this.#status().membership;
    if (voters.includes(id) && voters.length === 1) {
      throw refused(
        `'${name}' is the only voter: add another one first, or stop it to end the group`,
      );
    }
    await this.#untilSilenceShows();
    await this.#change({ type: 'remove', id }, name, (members) => !has(members, id));
    return done(name, id, `${name} is removed; if it still runs, it stops`);
  }

  /** To be given again until it is complete. @throws ApiProblem */
  async replace(
    name: string,
    by: string,
    address: string | undefined,
  ): Promise<ControllerOrderAnswer> {
    if (name === by)
      throw refused(`'${name}' cannot take its own place: name another one with --by`);
    const { members, voters, outgoing } = this.#status().membership;
    const incoming = members.find((member) => member.name === by);
    const leaving = members.find((member) => member.name === name);
    if (incoming === undefined) {
      const { id } = this.#member(name);
      if (!voters.includes(id)) throw refused(`'${name}' is a learner: remove it instead`);
      if (address === undefined) {
        throw unknown(`'${by}' is no member yet: say with --address where it listens`);
      }
      // One more than there can be, until it has taken the other's place.
      const added = await this.#admit(by, address, MEMBERS_MAX + 1);
      this.#options.promoter.hold(added.memberId ?? 0);
      return { ...added, text: `${by} is fed the log, then it takes the place of ${name}` };
    }
    const voter = voters.includes(incoming.id);
    if (leaving === undefined) {
      if (voter) return done(by, incoming.id, `${by} is in the place of ${name}`);
      throw unknown(`there is no controller '${name}' to replace`);
    }
    if (outgoing.length > 0) return underWay(by, incoming.id, 'the replacement is under way');
    if (voter) {
      requirePlaceFor(by, name, voters.length);
      const { text } = await this.remove(name);
      return done(by, incoming.id, `${by} is a voter already; ${text}`);
    }
    this.#options.promoter.hold(incoming.id);
    if (!holdsLog(this.#status(), incoming.id)) {
      return underWay(by, incoming.id, `${by} does not hold the log yet`);
    }
    await this.#untilSilenceShows();
    const change = { type: 'replace', outgoing: leaving.id, incoming: incoming.id } as const;
    await this.#change(change, by, (left) => !has(left, leaving.id));
    return done(by, incoming.id, `${by} is in the place of ${name}`);
  }

  /** @throws ApiProblem */
  async transfer(to: string | undefined): Promise<ControllerOrderAnswer> {
    const { host } = this.#options;
    const status = this.#status();
    const { membership, self } = status;
    const target = to === undefined ? this.#successor() : this.#member(to).id;
    const name = membership.members.find(({ id }) => id === target)?.name ?? '';
    if (target === self) return done(name, target, `${name} leads already`);
    const result = host.handOver(target);
    if (!result.accepted) throw refused(refusalText(result.refusal, `'${name}'`));
    const gone = await this.#until(() => host.role.role !== 'leader');
    if (!gone) throw refused(`'${name}' did not take over: it is slow, or was just lost`);
    return done(name, target, `${name} leads now`);
  }

  /**
   * True when the leader itself is to go, which it can only once another one leads, and nothing else
   * stands in the way. `by` takes its place; without it the leader is removed. @throws ApiProblem
   */
  async mustHandOver(name: string, by?: string): Promise<boolean> {
    const { membership, self } = this.#status();
    const { members, voters } = membership;
    if (!members.some((each) => each.id === self && each.name === name)) return false;
    if (voters.length === 1 || name === by) return false;
    if (by === undefined) {
      await this.#requireMajorityWithoutSelf();
      return true;
    }
    const incoming = members.find((member) => member.name === by)?.id;
    if (incoming === undefined) return false;
    if (voters.includes(incoming)) {
      requirePlaceFor(by, name, voters.length);
      return true;
    }
    return holdsLog(this.#status(), incoming);
  }

  /** Else leadership would move, and the successor would refuse the rest. */
  async #requireMajorityWithoutSelf(): Promise<void> {
    await this.#untilSilenceShows();
    const { membership, self, peers } = this.#status();
    const left = membership.voters.filter((id) => id !== self);
    const heard = peers.filter(({ id, recentlyActive }) => recentlyActive && left.includes(id));
    if (heard.length <= left.length / 2) throw refused(refusalText('wouldLoseQuorum'));
  }

  #checkRoom(members: readonly Member[], name: string, address: string): void {
    const namesake = members.find((member) => member.name === name);
    const neighbour = members.find((member) => member.address === address);
    const exists = (detail: string) => new ApiProblem('CONTROLLER_EXISTS', detail);
    if (namesake !== undefined) {
      const way = 'remove it first, or choose another name';
      throw exists(`'${name}' is member ${namesake.id} already, at ${namesake.address}: ${way}`);
    }
    if (neighbour !== undefined) {
      throw exists(`${address} is the address of '${neighbour.name}': each has one of its own`);
    }
  }

  async #prove(name: string, address: string): Promise<void> {
    const { security, self, host } = this.#options;
    const proof = await proveAddress({ security, self }, name, address);
    if ('protocol' in proof) {
      const old = tooOldText({ name, ...proof }, host.store.protocol);
      if (old === null) return;
      throw refused(`${old}. Nothing was changed`);
    }
    const detail =
      `controller '${name}' does not answer at ${address}: ${proof.objection}. Nothing was changed. ` +
      `Start it there with \`join: {controllers: [...]}\` in its file, then give the order again`;
    throw new ApiProblem('CONTROLLER_UNREACHABLE', detail);
  }

  async #change(
    change: MembershipChange,
    name: string,
    holds: (committed: readonly Member[]) => boolean,
  ): Promise<void> {
    const { host } = this.#options;
    const result = host.changeMembership(change);
    if (!result.accepted) {
      if (result.refusal === 'notLeader' || result.refusal === 'notServing') {
        throw new ApiProblem('NO_LEADER', refusalText(result.refusal));
      }
      throw refused(refusalText(result.refusal, `'${name}'`));
    }
    if (await this.#until(() => holds(host.applies.membership.membership.members))) return;
    const detail = 'the change was not committed in time: see `matriarch controllers list`';
    throw new ApiProblem('OUTCOME_UNKNOWN', detail);
  }

  /**
   * Whether enough voters answer is judged by who was heard within an election timeout: one that died
   * just now would still count, and the change could never be committed.
   */
  async #untilSilenceShows(): Promise<void> {
    const waitMs = this.#options.electionTimeoutMs + SILENCE_SHOWS_MS;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }

  #member(name: string): Member {
    const { members } = this.#status().membership;
    const member = members.find((each) => each.name === name);
    if (member !== undefined) return member;
    const names = members.map((each) => each.name).join(', ');
    throw unknown(`there is no controller '${name.slice(0, 100)}': the members are ${names}`);
  }

  #successor(): MemberId {
    const { membership, peers } = this.#status();
    const [best] = peers
      .filter((peer) => membership.voters.includes(peer.id) && peer.recentlyActive)
      .filter((peer) => peer.state === 'replicate' && peer.diskKeepsUp)
      .map((peer) => ({ ...peer, full: Number(this.#options.nearlyFull(peer.id)) }))
      .toSorted((a, b) => a.full - b.full || b.matchIndex - a.matchIndex);
    if (best === undefined) throw refused('no other voter is healthy: nobody could take over');
    return best.id;
  }

  #status() {
    const { host } = this.#options;
    if (!host.serving) throw new ApiProblem('NO_LEADER', refusalText('notServing'));
    return host.status();
  }

  async #until(holds: () => boolean): Promise<boolean> {
    const { host } = this.#options;
    const endMs = host.nowMs() + COMMIT_LIMIT_MS;
    while (!holds()) {
      if (host.nowMs() >= endMs) return false;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    return true;
  }
}

function has(members: readonly Member[], id: MemberId): boolean {
  return members.some((member) => member.id === id);
}

/**
 * A replacement that was interrupted may find that the new one became a voter meanwhile: it is one too many
 * then, and an even number. With an odd number nobody came in the place of anybody: a name was mistaken.
 */
function requirePlaceFor(by: string, name: string, voters: number): void {
  if (voters % 2 === 0) return;
  throw refused(
    `'${by}' is a voter already, so '${name}' would only go, and ${voters - 1} voters be left: name a new ` +
      `controller with --by, or \`matriarch controllers remove ${name}\` when that is what you want`,
  );
}

function done(name: string, memberId: MemberId, text: string): ControllerOrderAnswer {
  return { name, memberId, complete: true, token: null, text };
}

function underWay(name: string, memberId: MemberId, text: string): ControllerOrderAnswer {
  return { name, memberId, complete: false, token: null, text };
}

function refused(detail: string): ApiProblem {
  return new ApiProblem('MEMBERSHIP_REFUSED', detail);
}

function unknown(detail: string): ApiProblem {
  return new ApiProblem('UNKNOWN_CONTROLLER', detail);
}
