import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Membership, Message } from '#libs/raft';
import { decode, encode } from './codec.ts';
import { MalformedMessageError } from './fields.ts';
import { decodeMembership, encodeMembership } from './membership-codec.ts';
import { decodeRaftMessage, encodeRaftMessage } from './raft-messages.ts';

const MEMBERSHIP: Membership = {
  members: [
    { id: 1, name: 'one', address: '10.0.0.1:7400' },
    { id: 2, name: 'two', address: '[::1]:7400' },
  ],
  voters: [1, 2],
  outgoing: [1],
  learners: [],
};
const ENVELOPE = { from: 1, to: 2, term: 7 };

const MESSAGES: readonly Message[] = [
  { type: 'preVoteRequest', ...ENVELOPE, lastIndex: 2 ** 40, lastTerm: 6 },
  { type: 'preVoteResponse', ...ENVELOPE, granted: true },
  { type: 'voteRequest', ...ENVELOPE, lastIndex: 9, lastTerm: 6, transfer: true },
  { type: 'voteResponse', ...ENVELOPE, granted: false },
  {
    type: 'appendRequest',
    ...ENVELOPE,
    prevIndex: 41,
    prevTerm: 6,
    commitIndex: 40,
    entries: [
      { kind: 'empty', index: 42, term: 7 },
      { kind: 'command', index: 43, term: 7, payload: Uint8Array.of(1, 2, 3) },
      { kind: 'membership', index: 44, term: 7, membership: MEMBERSHIP },
    ],
  },
  {
    type: 'appendResponse',
    ...ENVELOPE,
    outcome: 'rejected',
    index: 41,
    hintIndex: 30,
    hintTerm: 5,
  },
  { type: 'heartbeat', ...ENVELOPE, commitIndex: 44, round: 12 },
  { type: 'heartbeat', ...ENVELOPE, commitIndex: 44, round: 12, unanswered: true },
  { type: 'heartbeatResponse', ...ENVELOPE, round: 12, writeStallMs: 250 },
  { type: 'timeoutNow', ...ENVELOPE, lastIndex: 44 },
  {
    type: 'snapshotChunk',
    ...ENVELOPE,
    index: 40,
    snapshotTerm: 6,
    membership: encodeMembership(MEMBERSHIP),
    offset: 0,
    bytes: new Uint8Array(1_000).fill(9),
    last: false,
    sha256: null,
  },
  {
    type: 'snapshotChunk',
    ...ENVELOPE,
    index: 40,
    snapshotTerm: 6,
    membership: null,
    offset: 1_000,
    bytes: Uint8Array.of(1),
    last: true,
    sha256: new Uint8Array(32).fill(1),
  },
  { type: 'snapshotAck', ...ENVELOPE, index: 40, storedBytes: 1_001, outcome: 'installed' },
];

describe('Raft messages on the wire', () => {
  it.each(MESSAGES)('$type comes back as it went', (message) => {
    expect(plain(decodeRaftMessage(encodeRaftMessage(message)))).toEqual(plain(message));
  });

  it('a membership comes back as it went', () => {
    expect(decodeMembership(encodeMembership(MEMBERSHIP))).toEqual(MEMBERSHIP);
  });

  it('positions beyond the known ones are left for later versions', () => {
    const heartbeat = { type: 'heartbeat', ...ENVELOPE, commitIndex: 1, round: 2 } as const;
    const fields = decode(encodeRaftMessage({ ...heartbeat, unanswered: true }));
    const longer = encode([...(fields as unknown[]), 'later']);
    expect(decodeRaftMessage(longer)).toEqual({ ...heartbeat, unanswered: true });
  });

  it.each([
    ['another format version', [2, 0, 1, 2, 3, 4, 5]],
    ['an unknown type', [1, 99, 1, 2, 3, 4, 5]],
    ['a negative index', [1, 0, 1, 2, 3, -1, 5]],
    ['a fraction', [1, 0, 1, 2, 3.5, 4, 5]],
    ['a bigint', [1, 0, 1, 2, 3n, 4, 5]],
    ['a missing field', [1, 2, 1, 2, 3, 4, 5]],
    ['entries that end early', [1, 4, 1, 2, 3, 4, 5, 6, [0, 1]]],
    ['a payload that is text', [1, 4, 1, 2, 3, 4, 5, 6, [0, 1, 'x']]],
    ['a map', { a: 1 }],
  ])('%s is refused by name', (_what, value) => {
    expect(() => decodeRaftMessage(encode(value))).toThrow(MalformedMessageError);
  });

  it('random bytes give a message or the named error, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => onlyNamedErrors(bytes)),
      { numRuns: 2_000 },
    );
  });

  it('a damaged message gives a message or the named error, nothing else', () => {
    const encoded = MESSAGES.map((message) => Uint8Array.from(encodeRaftMessage(message)));
    fc.assert(
      fc.property(
        fc.constantFrom(...encoded),
        fc.nat(),
        fc.nat(255),
        fc.nat(),
        (source, at, value, cut) => {
          const bytes = source.slice(0, source.length - (cut % 3 === 0 ? cut % source.length : 0));
          bytes[at % bytes.length] = value;
          onlyNamedErrors(bytes);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('array shapes of any values give a message or the named error, nothing else', () => {
    const value = fc.oneof(
      fc.nat(20),
      fc.boolean(),
      fc.uint8Array({ maxLength: 4 }),
      fc.anything(),
    );
    fc.assert(
      fc.property(fc.nat(12), fc.array(value, { maxLength: 9 }), (type, rest) => {
        onlyNamedErrors(encode([1, type, ...rest.map(packable)]));
      }),
      { numRuns: 3_000 },
    );
  });
});

function onlyNamedErrors(bytes: Uint8Array): void {
  try {
    decodeRaftMessage(bytes);
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
  }
}

function packable(value: unknown): unknown {
  try {
    decode(encode(value));
    return value;
  } catch {
    return null;
  }
}

/** Byte strings as plain arrays: a Buffer and a Uint8Array of the same bytes are the same here. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Array.from(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
