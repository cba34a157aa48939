import { unreachable } from '#libs/kernel';
import type { Message } from '#libs/raft';
import { decode, encode } from './codec.ts';
import { Fields, MalformedMessageError } from './fields.ts';
import { entriesOf, entryFields } from './raft-entries.ts';

/**
 * Raft messages as arrays: format version, type number, from, to, term, then the fields of the type
 * in the order below. A number is never used for a second type, a position never for a second field.
 */
const FORMAT_VERSION = 1;

const TYPES = [
  'preVoteRequest',
  'preVoteResponse',
  'voteRequest',
  'voteResponse',
  'appendRequest',
  'appendResponse',
  'heartbeat',
  'heartbeatResponse',
  'timeoutNow',
  'snapshotChunk',
  'snapshotAck',
] as const satisfies readonly Message['type'][];

const APPEND_OUTCOMES = ['matched', 'rejected'] as const;
const SNAPSHOT_OUTCOMES = ['more', 'installed', 'refused'] as const;

export function encodeRaftMessage(message: Message): Uint8Array {
  const { type, from, to, term } = message;
  return encode([FORMAT_VERSION, TYPES.indexOf(type), from, to, term, ...bodyFields(message)]);
}

/** @throws MalformedMessageError, and nothing else, whatever the bytes */
export function decodeRaftMessage(bytes: Uint8Array): Message {
  const fields = new Fields('a Raft message', decode(bytes));
  if (fields.integer('version') !== FORMAT_VERSION) {
    throw new MalformedMessageError('a Raft message', 'version', `${FORMAT_VERSION}`);
  }
  const type = choice(fields, 'type', TYPES);
  const from = fields.integer('from');
  const to = fields.integer('to');
  const term = fields.integer('term');
  return messageOf(type, { from, to, term }, fields);
}

function bodyFields(message: Message): readonly unknown[] {
  switch (message.type) {
    case 'preVoteRequest':
      return [message.lastIndex, message.lastTerm];
    case 'voteRequest':
      return [message.lastIndex, message.lastTerm, message.transfer];
    case 'preVoteResponse':
    case 'voteResponse':
      return [message.granted];
    case 'appendRequest':
      return [message.prevIndex, message.prevTerm, message.commitIndex, entryFields(message)];
    case 'appendResponse': {
      const outcome = APPEND_OUTCOMES.indexOf(message.outcome);
      return [outcome, message.index, message.hintIndex, message.hintTerm];
    }
    case 'heartbeat': {
      const { commitIndex, round, unanswered } = message;
      return unanswered === true ? [commitIndex, round, true] : [commitIndex, round];
    }
    case 'heartbeatResponse':
      return [message.round, Math.round(message.writeStallMs)];
    case 'timeoutNow':
      return [message.lastIndex];
    case 'snapshotChunk': {
      const { index, snapshotTerm, membership, offset, bytes, last, sha256 } = message;
      const none = new Uint8Array();
      return [index, snapshotTerm, membership ?? none, offset, bytes, last, sha256 ?? none];
    }
    case 'snapshotAck':
      return [message.index, message.storedBytes, SNAPSHOT_OUTCOMES.indexOf(message.outcome)];
    default:
      return unreachable(message);
  }
}

type Envelope = Pick<Message, 'from' | 'to' | 'term'>;

function messageOf(type: Message['type'], envelope: Envelope, fields: Fields): Message {
  switch (type) {
    case 'preVoteRequest':
      return { type, ...envelope, ...lastEntry(fields) };
    case 'voteRequest':
      return { type, ...envelope, ...lastEntry(fields), transfer: fields.boolean('transfer') };
    case 'preVoteResponse':
    case 'voteResponse':
      return { type, ...envelope, granted: fields.boolean('granted') };
    case 'appendRequest':
      return appendRequest(envelope, fields);
    case 'appendResponse':
      return {
        type,
        ...envelope,
        outcome: choice(fields, 'outcome', APPEND_OUTCOMES),
        index: fields.integer('index'),
        hintIndex: fields.integer('hintIndex'),
        hintTerm: fields.integer('hintTerm'),
      };
    case 'heartbeat': {
      const commitIndex = fields.integer('commitIndex');
      const heartbeat = { type, ...envelope, commitIndex, round: fields.integer('round') } as const;
      const unanswered = !fields.ended && fields.boolean('unanswered');
      return unanswered ? { ...heartbeat, unanswered } : heartbeat;
    }
    case 'heartbeatResponse': {
      const round = fields.integer('round');
      return { type, ...envelope, round, writeStallMs: fields.integer('writeStallMs') };
    }
    case 'timeoutNow':
      return { type, ...envelope, lastIndex: fields.integer('lastIndex') };
    case 'snapshotChunk':
      return snapshotChunk(envelope, fields);
    case 'snapshotAck':
      return {
        type,
        ...envelope,
        index: fields.integer('index'),
        storedBytes: fields.integer('storedBytes'),
        outcome: choice(fields, 'outcome', SNAPSHOT_OUTCOMES),
      };
    default:
      return unreachable(type);
  }
}

function appendRequest(envelope: Envelope, fields: Fields): Message {
  const prevIndex = fields.integer('prevIndex');
  const prevTerm = fields.integer('prevTerm');
  const commitIndex = fields.integer('commitIndex');
  const entries = entriesOf(fields, prevIndex);
  return { type: 'appendRequest', ...envelope, prevIndex, prevTerm, commitIndex, entries };
}

function snapshotChunk(envelope: Envelope, fields: Fields): Message {
  return {
    type: 'snapshotChunk',
    ...envelope,
    index: fields.integer('index'),
    snapshotTerm: fields.integer('snapshotTerm'),
    membership: emptyAsNull(fields.bytes('membership')),
    offset: fields.integer('offset'),
    bytes: fields.bytes('bytes'),
    last: fields.boolean('last'),
    sha256: emptyAsNull(fields.bytes('sha256')),
  };
}

function lastEntry(fields: Fields): { lastIndex: number; lastTerm: number } {
  return { lastIndex: fields.integer('lastIndex'), lastTerm: fields.integer('lastTerm') };
}

function choice<T extends string>(fields: Fields, name: string, known: readonly T[]): T {
  const chosen = known[fields.integer(name)];
  if (chosen !== undefined) return chosen;
  throw new MalformedMessageError(fields.message, name, 'a known number');
}

function emptyAsNull(bytes: Uint8Array): Uint8Array | null {
  return bytes.length === 0 ? null : bytes;
}
