import { unreachable } from '#libs/kernel';
import type { AppendRequest, LogEntry } from '#libs/raft';
import { type Fields, MalformedMessageError } from './fields.ts';
import { membershipFields, membershipOf } from './membership-codec.ts';

const ENTRIES_MAX = 65_536;
const INDEX_MAX = Number.MAX_SAFE_INTEGER - ENTRIES_MAX;
const COMMAND = 0;
const EMPTY = 1;
const MEMBERSHIP = 2;
const FIELDS_PER_ENTRY = 3;

/**
 * Entries as one flat list of kind, term and content: three values an entry instead of an array
 * each. Indexes follow from the request's `prevIndex` and do not travel.
 */
export function entryFields(request: AppendRequest): readonly unknown[] {
  const fields: unknown[] = [];
  for (const entry of request.entries) {
    switch (entry.kind) {
      case 'command':
        fields.push(COMMAND, entry.term, entry.payload);
        break;
      case 'empty':
        fields.push(EMPTY, entry.term, null);
        break;
      case 'membership':
        fields.push(MEMBERSHIP, entry.term, membershipFields(entry.membership));
        break;
      default:
        return unreachable(entry);
    }
  }
  return fields;
}

/** @throws MalformedMessageError */
export function entriesOf(fields: Fields, prevIndex: number): readonly LogEntry[] {
  const values = fields.list('entries', ENTRIES_MAX * FIELDS_PER_ENTRY);
  if (values.length % FIELDS_PER_ENTRY !== 0) {
    throw new MalformedMessageError(fields.message, 'entries', 'a multiple of three');
  }
  if (prevIndex > INDEX_MAX) {
    throw new MalformedMessageError(fields.message, 'prevIndex', `at most ${INDEX_MAX}`);
  }
  const entries: LogEntry[] = [];
  for (let at = 0; at < values.length; at += FIELDS_PER_ENTRY) {
    const index = prevIndex + 1 + entries.length;
    entries.push(entryOf(values[at], values[at + 1], values[at + 2], index));
  }
  return entries;
}

function entryOf(kind: unknown, term: unknown, content: unknown, index: number): LogEntry {
  if (typeof term !== 'number' || !Number.isSafeInteger(term) || term < 0) {
    throw new MalformedMessageError('a log entry', 'term', 'a whole number from 0');
  }
  switch (kind) {
    case COMMAND:
      if (!(content instanceof Uint8Array)) {
        throw new MalformedMessageError('a log entry', 'payload', 'bytes');
      }
      return { kind: 'command', index, term, payload: content };
    case EMPTY:
      return { kind: 'empty', index, term };
    case MEMBERSHIP:
      return { kind: 'membership', index, term, membership: membershipOf(content) };
    default:
      throw new MalformedMessageError('a log entry', 'kind', 'a known number');
  }
}
