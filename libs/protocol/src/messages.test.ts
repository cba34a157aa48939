import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epoch, guardIncarnation } from '#libs/kernel';
import { decode, encode } from './codec.ts';
import { MalformedMessageError } from './fields.ts';
import {
  type GuardAnswer,
  type GuardRequest,
  packGuardAnswer,
  packGuardRequest,
  unpackGuardAnswer,
  unpackGuardRequest,
} from './guard-messages.ts';
import {
  packLocalAnswer,
  packLocalRequest,
  unpackLocalAnswer,
  unpackLocalRequest,
} from './local-messages.ts';
import {
  packSessionAnswer,
  packSessionRequest,
  type SessionAnswer,
  type SessionRequest,
  unpackSessionAnswer,
  unpackSessionRequest,
} from './session-messages.ts';

const incarnation = guardIncarnation('g1');
const far = { timeline: 3, lsn: 0xffff_ffff_ffff_ff00n };

const guardRequests: GuardRequest[] = [
  { type: 'guardState', incarnation, epoch: null, postmaster: 'down' },
  { type: 'guardState', incarnation, epoch: epoch(4), postmaster: 'running' },
  {
    type: 'renew',
    incarnation,
    epoch: epoch(4),
    nonce: 9_007_199_254_740_991,
    position: far,
    postmaster: 'running',
    agentAbsentMs: 0,
    failsafeVersion: 12,
  },
  { type: 'release', epoch: epoch(4), incarnation, reason: 'guard-replaced', position: null },
];
const guardAnswers: GuardAnswer[] = [
  { type: 'renewed', epoch: epoch(4), nonce: 0, crowdIntervalMs: null },
  { type: 'renewed', epoch: epoch(4), nonce: 7, crowdIntervalMs: 800 },
  { type: 'renewalRefused', epoch: epoch(4), nonce: 1, reason: 'epoch 5 is held by pg2' },
  { type: 'leader', name: null, term: 0 },
  {
    type: 'granted',
    epoch: epoch(4),
    incarnation,
    leaseTtlMs: 3_000,
    renewIntervalMs: 400,
    stopBudgetMs: 300,
    guardKillMs: 150,
  },
  { type: 'failsafe', epoch: epoch(4), version: 12, on: true, members: ['pg1', 'pg2'] },
];
const sessionRequests: SessionRequest[] = [
  { type: 'open', id: 1, token: 'a' },
  { type: 'command', id: 2, session: 1, sequence: 1, answeredTo: 0, body: new Uint8Array([1]) },
  { type: 'read', id: 3, body: new Uint8Array() },
];
const sessionAnswers: SessionAnswer[] = [
  { type: 'opened', id: 1, session: 12 },
  { type: 'result', id: 2, index: 3, body: new Uint8Array([7]) },
  { type: 'failed', id: 3, code: 'NOT_LEADER', message: 'm', outcome: 'unknown', leader: 'c2' },
];

/** Bytes come back as views of another class; their content is what counts. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, inner) => {
      if (inner instanceof Uint8Array) return [...inner];
      return typeof inner === 'bigint' ? inner.toString() : inner;
    }),
  );
}

describe('messages survive the wire', () => {
  it.each(guardRequests)('guard $type', (message) => {
    expect(unpackGuardRequest(decode(encode(packGuardRequest(message))))).toEqual(message);
  });
  it('guard renewal of a version that knew no failsafe', () => {
    const renewal = guardRequests.find(({ type }) => type === 'renew');
    const packed = packGuardRequest(renewal as GuardRequest).slice(0, -1);
    expect(unpackGuardRequest(packed)).toEqual({ ...renewal, failsafeVersion: null });
  });
  it.each(guardAnswers)('to guard $type', (message) => {
    expect(unpackGuardAnswer(decode(encode(packGuardAnswer(message))))).toEqual(message);
  });
  it.each(sessionRequests)('session $type', (message) => {
    const received = unpackSessionRequest(decode(encode(packSessionRequest(message))));
    expect(plain({ ...received, body: null })).toEqual(plain({ ...message, body: null }));
  });
  it.each(sessionAnswers)('to session $type', (message) => {
    const received = unpackSessionAnswer(decode(encode(packSessionAnswer(message))));
    expect(plain({ ...received, body: null })).toEqual(plain({ ...message, body: null }));
  });
  it('local stop and state', () => {
    const stop = { type: 'stop', id: 1, mode: 'fast', budgetMs: 400 } as const;
    expect(unpackLocalRequest(decode(encode(packLocalRequest(stop))))).toEqual(stop);
    const done = { type: 'done', id: 1 } as const;
    expect(unpackLocalAnswer(decode(encode(packLocalAnswer(done))))).toEqual(done);
  });
  it('promises that are wanted, and given', () => {
    const wanted = { type: 'promisesWanted', epoch: epoch(4), nonce: 9, members: ['pg2'] } as const;
    expect(unpackLocalAnswer(decode(encode(packLocalAnswer(wanted))))).toEqual(wanted);
    const given = { type: 'promises', epoch: epoch(4), nonce: 9, from: ['pg2', 'pg3'] } as const;
    expect(unpackLocalRequest(decode(encode(packLocalRequest(given))))).toEqual(given);
  });
});

describe('garbage is refused by name', () => {
  const kinds = [
    ...guardRequests.map((message) => packGuardRequest(message)),
    ...guardAnswers.map((message) => packGuardAnswer(message)),
    ...sessionRequests.map((message) => packSessionRequest(message)),
    ...sessionAnswers.map((message) => packSessionAnswer(message)),
  ];
  const readers = [
    unpackGuardRequest,
    unpackGuardAnswer,
    unpackLocalRequest,
    unpackLocalAnswer,
    unpackSessionRequest,
    unpackSessionAnswer,
  ];

  it('whatever field is replaced by whatever', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.constantFrom(...readers),
        fc.nat(12),
        fc.anything({ withBigInt: true }),
        (message, reader, position, value) => {
          const changed = [...message];
          changed[position] = value;
          try {
            reader(changed);
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedMessageError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('whatever bytes arrive', () => {
    fc.assert(
      fc.property(fc.constantFrom(...readers), fc.uint8Array(), (reader, bytes) => {
        try {
          reader(decode(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessageError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
