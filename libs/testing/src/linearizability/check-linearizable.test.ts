import { describe, expect, it } from 'vitest';
import { seededPrng } from '#libs/kernel';
import { checkLinearizable } from './check-linearizable.ts';
import {
  historyLines,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
} from './operation.ts';

const WRITTEN: RegisterOutput = { type: 'written' };
const REJECTED: RegisterOutput = { type: 'rejected' };
const put = (value: string): RegisterInput => ({ type: 'put', value });
const swap = (expected: string | null, value: string): RegisterInput => ({
  type: 'put',
  value,
  expected,
});
const saw = (value: string | null): RegisterOutput => ({ type: 'read', value });
const READ: RegisterInput = { type: 'read' };

/** Times in ns; `until` null: the client never heard. */
function op(
  callNs: number,
  until: number | null,
  input: RegisterInput,
  output: RegisterOutput,
  key = 'k',
): Operation {
  const known = until === null ? null : output;
  return { process: 'p', key, input, output: known, callNs, returnNs: until };
}

const LINEARIZABLE: readonly [string, readonly Operation[]][] = [
  ['nothing', []],
  ['a read of what was written', [op(0, 1, put('a'), WRITTEN), op(2, 3, READ, saw('a'))]],
  ['a read beside a write, before it', [op(0, 9, put('a'), WRITTEN), op(2, 3, READ, saw(null))]],
  ['a read beside a write, after it', [op(0, 9, put('a'), WRITTEN), op(2, 3, READ, saw('a'))]],
  [
    'reads beside a write that agree on an order',
    [op(0, 9, put('a'), WRITTEN), op(1, 2, READ, saw(null)), op(3, 4, READ, saw('a'))],
  ],
  [
    'an open write that was seen late',
    [op(0, null, put('a'), WRITTEN), op(1, 2, READ, saw(null)), op(90, 91, READ, saw('a'))],
  ],
  [
    'an open write that was never seen',
    [op(0, null, put('a'), WRITTEN), op(5, 6, READ, saw(null))],
  ],
  [
    'one winner of two conditional writes',
    [op(0, 9, swap(null, 'a'), WRITTEN), op(0, 9, swap(null, 'b'), REJECTED)],
  ],
  [
    'a refused condition that was true before and after',
    [
      op(0, 1, put('a'), WRITTEN),
      op(2, 20, swap('a', 'b'), REJECTED),
      op(3, 4, { type: 'delete' }, WRITTEN),
      op(5, 6, put('a'), WRITTEN),
    ],
  ],
  [
    'keys that know nothing of each other',
    [op(0, 1, put('a'), WRITTEN, 'x'), op(2, 3, READ, saw(null), 'y')],
  ],
];

const VIOLATIONS: readonly [string, readonly Operation[]][] = [
  ['a stale read', [op(0, 1, put('a'), WRITTEN), op(2, 3, READ, saw(null))]],
  [
    'a stale read of an overwritten value',
    [op(0, 1, put('a'), WRITTEN), op(2, 3, put('b'), WRITTEN), op(4, 5, READ, saw('a'))],
  ],
  [
    'reads that go back in time beside a write',
    [op(0, 9, put('a'), WRITTEN), op(1, 2, READ, saw('a')), op(3, 4, READ, saw(null))],
  ],
  [
    'an open write that is seen and taken back',
    [op(0, null, put('a'), WRITTEN), op(1, 2, READ, saw('a')), op(3, 4, READ, saw(null))],
  ],
  [
    'two winners of one condition',
    [op(0, 9, swap(null, 'a'), WRITTEN), op(0, 9, swap(null, 'b'), WRITTEN)],
  ],
  ['a condition refused though it held', [op(0, 1, swap(null, 'a'), REJECTED)]],
  ['a value from nowhere', [op(0, 1, READ, saw('a'))]],
  [
    'a second effect of one write',
    [
      op(0, 1, put('a'), WRITTEN),
      op(2, 3, put('b'), WRITTEN),
      op(4, 5, READ, saw('b')),
      op(6, 7, READ, saw('a')),
    ],
  ],
];

describe('a history', () => {
  it.each(LINEARIZABLE)('is linearizable: %s', (_, operations) => {
    expect(checkLinearizable(operations)).toEqual({ kind: 'linearizable' });
  });

  it.each(VIOLATIONS)('is not linearizable: %s', (_, operations) => {
    expect(checkLinearizable(operations)).toMatchObject({ kind: 'violation', key: 'k' });
  });

  it('from a real register is linearizable, and with one answer changed it is not', () => {
    for (let seed = 1; seed <= 15; seed += 1) {
      const operations = historyOfOneRegister(seed, 200);
      expect(checkLinearizable(operations)).toEqual({ kind: 'linearizable' });
      const at = operations.findLastIndex(({ output }) => output?.type === 'read');
      const wrong = operations.map((operation, place) =>
        place === at ? { ...operation, output: saw('never written') } : operation,
      );
      expect(checkLinearizable(wrong)).toMatchObject({ kind: 'violation' });
    }
  });

  it('that is too wide is left undecided, not called wrong', () => {
    const wide = Array.from({ length: 40 }, (_, at) => op(0, 100, put(`${at}`), WRITTEN));
    const impossible = [...wide, op(200, 201, READ, saw(null))];
    expect(checkLinearizable(impossible, 10_000)).toEqual({ kind: 'undecided', key: 'k' });
  });

  it('is written as one line of JSON an operation, unknown outcomes left open', () => {
    const lines = historyLines([op(1, 2, put('a'), WRITTEN), op(3, null, put('b'), WRITTEN)]);
    expect(
      lines
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      {
        ...{ process: 'p', op: 'put', key: 'k', input: put('a'), output: WRITTEN },
        ...{ callNs: 1, returnNs: 2 },
      },
      {
        ...{ process: 'p', op: 'put', key: 'k', input: put('b'), output: null },
        ...{ callNs: 3, returnNs: null },
      },
    ]);
  });
});

/** Five clients on one atomic register; the effect lies somewhere between call and return. */
function historyOfOneRegister(seed: number, count: number): readonly Operation[] {
  const prng = seededPrng(seed);
  const freeAt = [0, 0, 0, 0, 0];
  const planned = Array.from({ length: count }, (_, at) => {
    const client = at % freeAt.length;
    const callNs = (freeAt[client] ?? 0) + prng.range(1, 20);
    const effectNs = callNs + prng.unit() * 30;
    const returnNs = effectNs + prng.range(1, 30);
    freeAt[client] = returnNs;
    return { client, callNs, effectNs, returnNs, value: `${at}`, draw: prng.unit() };
  });
  let value: string | null = null;
  return planned
    .sort((a, b) => a.effectNs - b.effectNs)
    .map(({ client, callNs, returnNs, value: fresh, draw }) => {
      const place = { process: `p${client}`, key: 'k', callNs, returnNs };
      if (draw < 0.5) return { ...place, input: READ, output: saw(value) };
      if (draw < 0.75) {
        value = fresh;
        const open = draw < 0.55 ? { output: null, returnNs: null } : { output: WRITTEN };
        return { ...place, input: put(fresh), ...open };
      }
      const expected = draw < 0.9 ? value : 'other';
      const output = expected === value ? WRITTEN : REJECTED;
      if (output === WRITTEN) value = fresh;
      return { ...place, input: swap(expected, fresh), output };
    });
}
