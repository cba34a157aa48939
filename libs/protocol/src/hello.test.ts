import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedMessageError } from './fields.ts';
import { channelOfFrame } from './frame-types.ts';
import { type Hello, type HelloExpectation, judgeHello } from './hello.ts';
import {
  decodeHello,
  decodeRefusal,
  decodeWelcome,
  encodeHello,
  encodeRefusal,
  encodeWelcome,
} from './hello-codec.ts';

const IDENTITY = { groupId: '00112233aabbccdd', role: 'guard', name: 'shop/pg1' } as const;
const HELLO: Hello = {
  ...IDENTITY,
  protocolMin: 1,
  protocolMax: 4,
  channel: 'guard',
  memberId: 0,
  incarnation: 'c0ffee',
  plain: false,
};
const EXPECTED: HelloExpectation = {
  groupId: IDENTITY.groupId,
  channels: ['raft-control', 'guard', 'session'],
  certificate: IDENTITY,
  protocol: { protocolMin: 1, protocolMax: 2 },
};

describe('judging a hello', () => {
  it('accepts a peer that is what its certificate says, at the highest common version', () => {
    expect(judgeHello(HELLO, EXPECTED)).toEqual({ accepted: true, protocol: 2 });
    const older = judgeHello({ ...HELLO, protocolMax: 1 }, EXPECTED);
    expect(older).toEqual({ accepted: true, protocol: 1 });
  });

  it.each<{ reason: string; hello?: Partial<Hello>; expected?: Partial<HelloExpectation> }>([
    { reason: 'protocol', hello: { protocolMin: 3 } },
    { reason: 'protocol', expected: { protocol: { protocolMin: 5, protocolMax: 6 } } },
    { reason: 'group', hello: { groupId: 'ffffffffffffffff' } },
    { reason: 'group', expected: { groupId: 'ffffffffffffffff' } },
    { reason: 'certificate', hello: { name: 'shop/pg2' } },
    { reason: 'certificate', hello: { role: 'agent', channel: 'agent' } },
    { reason: 'certificate', expected: { certificate: { ...IDENTITY, groupId: 'other' } } },
    { reason: 'role', hello: { channel: 'raft-control' } },
    { reason: 'channel', expected: { channels: ['session'] } },
    { reason: 'plain', hello: { plain: true } },
    { reason: 'plain', expected: { certificate: null } },
  ])('refuses: $reason %#', ({ reason, hello, expected }) => {
    const verdict = judgeHello({ ...HELLO, ...hello }, { ...EXPECTED, ...expected });
    expect(verdict).toMatchObject({ accepted: false, refusal: { reason } });
  });

  it('accepts a plain link only when both sides say so', () => {
    const verdict = judgeHello({ ...HELLO, plain: true }, { ...EXPECTED, certificate: null });
    expect(verdict.accepted).toBe(true);
  });
});

describe('hello frames', () => {
  it('come back as they went', () => {
    const welcome = { ...IDENTITY, protocol: 1, memberId: 2, incarnation: 'x', plain: false };
    const refusal = { reason: 'group', detail: 'of another group' } as const;
    expect(decodeHello(encodeHello(HELLO))).toEqual(HELLO);
    expect(decodeWelcome(encodeWelcome(welcome))).toEqual(welcome);
    expect(decodeRefusal(encodeRefusal(refusal))).toEqual(refusal);
  });

  it('random bytes give the named error and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        for (const read of [decodeHello, decodeWelcome, decodeRefusal]) {
          expect(() => read(bytes)).toThrow(MalformedMessageError);
        }
      }),
    );
  });

  it('a frame number belongs to one channel', () => {
    const numbers = [0, 1, 19, 20, 40, 60, 80, 99, 100, 1.5];
    expect(numbers.map(channelOfFrame)).toEqual([
      null,
      'link',
      'link',
      'raft',
      'guard',
      'agent',
      'session',
      'session',
      null,
      null,
    ]);
  });
});
