import type { JoinAnswer } from '#libs/protocol';
import { isFounder, type Member } from '#libs/raft';
import type { Sender } from '../links/peer-network.ts';
import type { Log } from '../log.ts';
import { appliedCommand, ProposalLostError } from '../proposing.ts';
import type { RaftHost } from '../raft-host/raft-host.ts';
import { parseJoinToken } from './join-token.ts';
import { takeSeat } from './seats.ts';
import type { Strays } from './strays.ts';
import { tooOldText } from './too-old-text.ts';

export type AdmissionsOptions = {
  readonly host: RaftHost;
  readonly log: Log;
  readonly strays: Strays;
};

/**
 * Gives seats to controllers that join, each once: a directory that came back empty would vote again
 * without its memory of votes. Who took a seat is a register, written once.
 */
export class Admissions {
  readonly #options: AdmissionsOptions;

  constructor(options: AdmissionsOptions) {
    this.#options = options;
  }

  /** @throws ProposalLostError never: the joining side asks again */
  async judge(peer: Sender, token: string | null): Promise<JoinAnswer> {
    const { host, log, strays } = this.#options;
    if (!host.serving) return wait('this controller does not lead', this.#leaderAddress());
    // Whoever is to be let in later as well: it would wait for what can never be.
    const old = tooOldText(peer, host.store.protocol);
    if (old !== null) return { kind: 'refused', why: old };
    const { members } = host.applies.membership.membership;
    const member = members.find(({ name }) => name === peer.name);
    if (member === undefined) {
      const order = `matriarch controllers add ${peer.name} --address HOST:PORT`;
      return wait(`'${peer.name}' is no member yet: \`${order}\``, null);
    }
    if (isFounder(member.id)) strays.came(member.id, member.name);
    const objection = objectionTo(member, token, peer.groupId);
    if (objection !== null) return { kind: 'refused', why: objection };
    try {
      const answer = await this.#take(member, peer.incarnation);
      if (answer.kind === 'admitted') log.info('controller admitted', { ...member });
      return answer;
    } catch (error) {
      if (error instanceof ProposalLostError) return wait('leadership is changing hands', null);
      throw error;
    }
  }

  async #take({ id, name }: Member, incarnation: string): Promise<JoinAnswer> {
    const { host, strays } = this.#options;
    const { result } = await appliedCommand(host, takeSeat(id, incarnation));
    if (result.type === 'written') return { kind: 'admitted', memberId: id };
    const taker = host.store.seatTaker(id);
    // Asked twice by the same process: its first answer was lost.
    if (taker === incarnation) return { kind: 'admitted', memberId: id };
    strays.came(id, name);
    return {
      kind: 'refused',
      why: `the seat ${id} of '${name}' was taken by another directory: ${addAnew(name)}`,
    };
  }

  #leaderAddress(): string | null {
    const { host } = this.#options;
    const { members } = host.status().membership;
    return members.find((member) => member.id === host.role.leader)?.address ?? null;
  }
}

function objectionTo(member: Member, token: string | null, groupId: string): string | null {
  const { id, name } = member;
  if (isFounder(id)) return `'${name}' is a founder, its directory was lost: ${addAnew(name)}`;
  if (token === null) return null;
  const parsed = parseJoinToken(token);
  const text = token.slice(0, 80);
  if (parsed === null) return `'${text}' is no token of \`matriarch controllers add\``;
  if (parsed.name !== name || parsed.groupId !== groupId) {
    return `the token '${text}' is for '${parsed.name}' of group ${parsed.groupId}`;
  }
  if (parsed.memberId === id) return null;
  return `the token '${text}' is of an earlier admission, '${name}' is member ${id} now`;
}

function addAnew(name: string): string {
  return `\`matriarch controllers remove ${name}\`, then add it anew`;
}

function wait(why: string, leader: string | null): JoinAnswer {
  return { kind: 'wait', why, leader };
}
