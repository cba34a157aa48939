import type { Member, MemberId, Membership } from '#libs/raft';
import { decode, encode } from './codec.ts';
import { Fields } from './fields.ts';

const MEMBERS_MAX = 64;
const NAME_LENGTH_MAX = 64;
const ADDRESS_LENGTH_MAX = 300;

export function membershipFields(membership: Membership): unknown[] {
  return [
    membership.members.map((member) => [member.id, member.name, member.address]),
    membership.voters,
    membership.outgoing,
    membership.learners,
  ];
}

/** @throws MalformedMessageError */
export function membershipOf(value: unknown): Membership {
  const fields = new Fields('a membership', value);
  const members = fields.list('members', MEMBERS_MAX).map(memberOf);
  return {
    members,
    voters: memberIds(fields, 'voters'),
    outgoing: memberIds(fields, 'outgoing'),
    learners: memberIds(fields, 'learners'),
  };
}

export function encodeMembership(membership: Membership): Uint8Array {
  return encode(membershipFields(membership));
}

/** @throws MalformedMessageError */
export function decodeMembership(bytes: Uint8Array): Membership {
  return membershipOf(decode(bytes));
}

function memberOf(value: unknown): Member {
  const fields = new Fields('a member', value);
  return {
    id: fields.integer('id'),
    name: fields.text('name', NAME_LENGTH_MAX),
    address: fields.text('address', ADDRESS_LENGTH_MAX),
  };
}

function memberIds(fields: Fields, name: string): readonly MemberId[] {
  const ids = fields.list(name, MEMBERS_MAX);
  const items = new Fields(name, ids);
  return ids.map(() => items.integer('id'));
}
