import { describe, expect, it } from 'vitest';
import { epoch, guardIncarnation, monotonicMs } from '#libs/kernel';
import { Brake } from './brake.ts';

const TERMS = { leaseTtlMs: 3_000, clockRateErrorRatio: 0.01, leaseMarginMs: 100 };
const OTHERS = ['c2', 'c3'];
const ms = monotonicMs;
const dueOf = (of: number) => ({
  cluster: 'orders',
  epoch: epoch(of),
  guard: guardIncarnation('a'),
  terms: TERMS,
  silentMs: 3_200,
  waitMs: 3_160,
});

describe('before a lease is declared expired', () => {
  it('the others are asked, and leadership goes to one who heard the guard', () => {
    const brake = new Brake(200);
    const judge = (now: number) => brake.judge([dueOf(7)], OTHERS, ms(now))[0]?.verdict;
    expect(judge(0)).toEqual({ kind: 'ask', inquiry: 1 });
    brake.answered(1, 'c2', false);
    expect(judge(10)).toEqual({ kind: 'wait' });
    brake.answered(1, 'c3', true);
    expect(judge(20)).toEqual({ kind: 'hand-over', to: 'c3' });
  });

  it.each([
    { when: 'all say that they heard nothing', silent: OTHERS, at: 10 },
    { when: 'nobody answers in time', silent: [], at: 200 },
  ])('it goes on when $when', ({ silent, at }) => {
    const brake = new Brake(200);
    brake.judge([dueOf(7)], OTHERS, ms(0));
    for (const controller of silent) brake.answered(1, controller, false);
    expect(brake.judge([dueOf(7)], OTHERS, ms(at))[0]?.verdict).toEqual({ kind: 'expire' });
  });

  it('it goes on within 10 x W of the last use for that epoch, not for another', () => {
    const brake = new Brake(200);
    brake.used('orders', epoch(7), ms(0));
    const judge = (of: number, now: number) =>
      brake.judge([dueOf(of)], OTHERS, ms(now))[0]?.verdict.kind;
    expect(judge(7, 31_599)).toBe('expire');
    expect(judge(8, 5)).toBe('ask');
    expect(judge(7, 31_601)).toBe('ask');
  });

  it('an inquiry is forgotten when the lease was renewed after all', () => {
    const brake = new Brake(200);
    brake.judge([dueOf(7)], OTHERS, ms(0));
    brake.judge([], OTHERS, ms(50));
    expect(brake.judge([dueOf(7)], OTHERS, ms(9_000))[0]?.verdict.kind).toBe('ask');
  });

  it('a controller without others has nobody to ask', () => {
    expect(new Brake(200).judge([dueOf(7)], [], ms(0))[0]?.verdict).toEqual({ kind: 'expire' });
  });
});
