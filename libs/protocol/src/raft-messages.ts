import { unreachable } from '#libs/kernel';
import type { Message } from '#libs/raft';
import { encode } from './codec.ts';
import { FieldReader } from './field-reader.ts';
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

/** @throws WireFormatError, and nothing else, whatever the bytes */
export function decodeRaftMessage(bytes: Uint8Array): Message {
  const fields = FieldReader.ofBytes('a Raft message', bytes);
  if (fields.count('format version') !== FORMAT_VERSION) {
    throw fields.broken('format version', `is not ${FORMAT_VERSION}`);
  }
  const type = TYPES[fields.count('type')];
  if (type === undefined) throw fields.broken('type', 'is not known');
  const from = fields.count('from');
  const to = fields.count('to');
  const term = fields.count('term');
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
    case 'heartbeat':
      return [message.commitIndex, message.round];
    case 'heartbeatResponse':
      return [message.round, Math.round(message.writeStallMs)];
    case 'timeoutNow':
      return [message.lastIndex];
    case 'snapshotChunk': {
      const { index, snapshotTerm, membership, offset, bytes, last, sha256 } = message;
      return [index, snapshotTerm, membership, offset, bytes, last, sha256];
    }
    case 'snapshotAck':
      return [message.index, message.storedBytes, SNAPSHOT_OUTCOMES.indexOf(message.outcome)];
    default:
      return unreachable(message);
  }
}

type Envelope = Pick<Message, 'from' | 'to' | 'term'>;

function messageOf(type: Message['type'], envelope: Envelope, fields: FieldReader): Message {
  switch (type) {
    case 'preVoteRequest':
      return { type, ...envelope, ...lastEntry(fields) };
    case 'voteRequest':
      return { type, ...envelope, ...lastEntry(fields), transfer: fields.flag('transfer') };
    case 'preVoteResponse':
    case 'voteResponse':
      return { type, ...envelope, granted: fields.flag('granted') };
    case 'appendRequest':
      return appendRequest(envelope, fields);
    case 'appendResponse':
      return {
        type,
        ...envelope,
        outcome: choice(fields, APPEND_OUTCOMES),
        index: fields.count('index'),
        hintIndex: fields.count('hintIndex'),
        hintTerm: fields.count('hintTerm'),
      };
    case 'heartbeat': {
      const commitIndex = fields.count('commitIndex');
      return { type, ...envelope, commitIndex, round: fields.count('round') };
    }
    case 'heartbeatResponse': {
      const round = fields.count('round');
      return { type, ...envelope, round, writeStallMs: fields.count('writeStallMs') };
    }
    case 'timeoutNow':
      return { type, ...envelope, lastIndex: fields.count('lastIndex') };
    case 'snapshotChunk':
      return snapshotChunk(envelope, fields);
    case 'snapshotAck':
      return {
        type,
        ...envelope,
        index: fields.count('index'),
        storedBytes: fields.count('storedBytes'),
        outcome: choice(fields, SNAPSHOT_OUTCOMES),
      };
    default:
      return unreachable(type);
  }
}

function appendRequest(envelope: Envelope, fields: FieldReader): Message {
  const prevIndex = fields.count('prevIndex');
  const prevTerm = fields.count('prevTerm');
  const commitIndex = fields.count('commitIndex');
  const entries = entriesOf(fields, prevIndex);
  return { type: 'appendRequest', ...envelope, prevIndex, prevTerm, commitIndex, entries };
}

function snapshotChunk(envelope: Envelope, fields: FieldReader): Message {
  return {
    type: 'snapshotChunk',
    ...envelope,
    index: fields.count('index'),
    snapshotTerm: fields.count('snapshotTerm'),
    membership: fields.bytesOrNull('membership'),
    offset: fields.count('offset'),
    bytes: fields.bytes('bytes'),
    last: fields.flag('last'),
    sha256: fields.bytesOrNull('sha256'),
  };
}

function lastEntry(fields: FieldReader): { lastIndex: number; lastTerm: number } {
  return { lastIndex: fields.count('lastIndex'), lastTerm: fields.count('lastTerm') };
}

function choice<T extends string>(fields: FieldReader, known: readonly T[]): T {
  const chosen = known[fields.count('outcome')];
  if (chosen === undefined) throw fields.broken('outcome', 'is not known');
  return chosen;
}
