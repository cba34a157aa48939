import { encode } from './codec.ts';
import { FieldReader } from './field-reader.ts';
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

/** @throws WireFormatError */
export function decodeHello(bytes: Uint8Array): Hello {
  const fields = FieldReader.ofBytes('a hello', bytes);
  return {
    protocolMin: fields.count('protocolMin'),
    protocolMax: fields.count('protocolMax'),
    ...identityOf(fields),
    channel: word(fields, 'channel', CHANNELS),
    memberId: fields.count('memberId'),
    incarnation: fields.text('incarnation', WORD_LENGTH_MAX),
    plain: fields.flag('plain'),
  };
}

export function encodeWelcome(welcome: Welcome): Uint8Array {
  const { protocol, memberId, incarnation, plain } = welcome;
  return encode([protocol, ...identityFields(welcome), memberId, incarnation, plain]);
}

/** @throws WireFormatError */
export function decodeWelcome(bytes: Uint8Array): Welcome {
  const fields = FieldReader.ofBytes('a welcome', bytes);
  return {
    protocol: fields.count('protocol'),
    ...identityOf(fields),
    memberId: fields.count('memberId'),
    incarnation: fields.text('incarnation', WORD_LENGTH_MAX),
    plain: fields.flag('plain'),
  };
}

export function encodeRefusal(refusal: LinkRefusal): Uint8Array {
  return encode([refusal.reason, refusal.detail.slice(0, DETAIL_LENGTH_MAX)]);
}

/** @throws WireFormatError */
export function decodeRefusal(bytes: Uint8Array): LinkRefusal {
  const fields = FieldReader.ofBytes('a refusal', bytes);
  return {
    reason: word(fields, 'reason', REASONS),
    detail: fields.text('detail', DETAIL_LENGTH_MAX),
  };
}

function identityFields(identity: PeerIdentity): readonly unknown[] {
  return [identity.groupId, identity.role, identity.name];
}

function identityOf(fields: FieldReader): PeerIdentity {
  return {
    groupId: fields.text('groupId', GROUP_ID_LENGTH_MAX),
    role: word(fields, 'role', PEER_ROLES),
    name: fields.text('name', NAME_LENGTH_MAX),
  };
}

function word<T extends string>(fields: FieldReader, name: string, known: readonly T[]): T {
  const text = fields.text(name, WORD_LENGTH_MAX);
  const found = known.find((candidate) => candidate === text);
  if (found === undefined) throw fields.broken(name, `'${text}' is not known`);
  return found;
}
