import { decode, encode } from './codec.ts';
import { Fields } from './fields.ts';
import {
  CHANNELS,
  type Hello,
  type LinkRefusal,
  PEER_ROLES,
  type PeerIdentity,
  type RefusalReason,
  type Welcome,
} from './hello.ts';

const GROUP_ID_LENGTH_MAX = 64;
const NAME_LENGTH_MAX = 100;
const WORD_LENGTH_MAX = 64;
const DETAIL_LENGTH_MAX = 500;

const REASONS: readonly RefusalReason[] = [
  'protocol',
  'group',
  'role',
  'channel',
  'certificate',
  'plain',
  'busy',
  'malformed',
];

export function encodeHello(hello: Hello): Uint8Array {
  return encode([
    hello.protocolMin,
    hello.protocolMax,
    ...identityFields(hello),
    hello.channel,
    hello.memberId,
    hello.incarnation,
    hello.plain,
  ]);
}

/** @throws MalformedMessageError */
export function decodeHello(bytes: Uint8Array): Hello {
  const fields = new Fields('a hello', decode(bytes));
  return {
    protocolMin: fields.integer('protocolMin'),
    protocolMax: fields.integer('protocolMax'),
    ...identityOf(fields),
    channel: fields.oneOf('channel', CHANNELS),
    memberId: fields.integer('memberId'),
    incarnation: fields.text('incarnation', WORD_LENGTH_MAX),
    plain: fields.boolean('plain'),
  };
}

export function encodeWelcome(welcome: Welcome): Uint8Array {
  const { protocol, memberId, incarnation, plain } = welcome;
  return encode([protocol, ...identityFields(welcome), memberId, incarnation, plain]);
}

/** @throws MalformedMessageError */
export function decodeWelcome(bytes: Uint8Array): Welcome {
  const fields = new Fields('a welcome', decode(bytes));
  return {
    protocol: fields.integer('protocol'),
    ...identityOf(fields),
    memberId: fields.integer('memberId'),
    incarnation: fields.text('incarnation', WORD_LENGTH_MAX),
    plain: fields.boolean('plain'),
  };
}

export function encodeRefusal(refusal: LinkRefusal): Uint8Array {
  return encode([refusal.reason, refusal.detail.slice(0, DETAIL_LENGTH_MAX)]);
}

/** @throws MalformedMessageError */
export function decodeRefusal(bytes: Uint8Array): LinkRefusal {
  const fields = new Fields('a refusal', decode(bytes));
  return {
    reason: fields.oneOf('reason', REASONS),
    detail: fields.text('detail', DETAIL_LENGTH_MAX),
  };
}

function identityFields(identity: PeerIdentity): readonly unknown[] {
  return [identity.groupId, identity.role, identity.name];
}

function identityOf(fields: Fields): PeerIdentity {
  return {
    groupId: fields.text('groupId', GROUP_ID_LENGTH_MAX),
    role: fields.oneOf('role', PEER_ROLES),
    name: fields.text('name', NAME_LENGTH_MAX),
  };
}
