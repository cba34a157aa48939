import { describe, expect, it } from 'vitest';
import { epoch, guardIncarnation, monotonicMs } from '#libs/kernel';
import { CappedTime } from './capped-time.ts';
import { LeaseClock } from './lease-clock.ts';
import { leaseWaitMs } from './lease-timing.ts';
import { Silence } from './silence.ts';

const ORDERS = 'orders';
const GUARD = guardIncarnation('a');
const TERMS = { leaseTtlMs: 3_000, clockRateErrorRatio: 0.01, leaseMarginMs: 100 };
const CAP_MS = 100;
const ms = monotonicMs;

function serving() {
  const time = new CappedTime(CAP_MS, ms(0));
  const leases = new LeaseClock<string>(time);
  leases.follow(ORDERS, { cluster: ORDERS, epoch: epoch(7), guard: GUARD, terms: TERMS }, ms(0));
  const turnsUntil = (from: number, to: number): void => {
    for (let now = from + 50; now <= to; now += 50) time.turn(ms(now), true);
  };
  const renew = (given: Partial<{ epoch: number; guard: string; nonce: number; at: number }>) =>
    leases.accept(
      {
        cluster: ORDERS,
        epoch: epoch(given.epoch ?? 7),
        guard: guardIncarnation(given.guard ?? 'a'),
        nonce: given.nonce ?? 1,
        reply: `nonce ${given.nonce ?? 1}`,
      },
      ms(given.at ?? 0),
    );
  return { time, leases, turnsUntil, renew };
}

describe('the wait before expiry', () => {
  it('is D(1+rho)/(1-rho) + m', () => {
    expect(leaseWaitMs(TERMS)).toBeCloseTo(3_160.6, 1);
  });
});

describe('the ages of leases', () => {
  it('begin when service begins, and are due after W', () => {
    const { leases, turnsUntil } = serving();
    turnsUntil(0, 3_150);
    expect(leases.due()).toEqual([]);
    turnsUntil(3_150, 3_200);
    expect(leases.due()).toMatchObject([{ cluster: ORDERS, epoch: 7, silentMs: 3_200 }]);
  });

  it('tell how long until the first one is due, and that one renewed is not', () => {
    const { leases, turnsUntil, renew } = serving();
    turnsUntil(0, 3_100);
    expect(leases.dueInMs).toBeCloseTo(60.6, 1);
    renew({ at: 3_100 });
    expect(leases.dueInMs).toBeCloseTo(3_160.6, 1);
    leases.follow(ORDERS, null, ms(3_100));
    expect(leases.dueInMs).toBeNull();
  });

  it('advance by one cap over a pause, and not in a turn with unread sockets', () => {
    const { leases, time } = serving();
    time.turn(ms(30_000), true);
    expect(leases.silentMs(ORDERS)).toBe(CAP_MS);
    time.turn(ms(30_100), false);
    expect(leases.silentMs(ORDERS)).toBe(CAP_MS);
  });

  it('do not count the part of a turn that lay before the renewal', () => {
    const { leases, time, renew } = serving();
    time.turn(ms(50), true);
    renew({ at: 120 });
    time.turn(ms(130), true);
    expect(leases.silentMs(ORDERS)).toBe(10);
  });
});

describe('a renewal', () => {
  it.each([
    { given: { epoch: 6 }, reason: 'epoch 7 is held' },
    { given: { epoch: 8 }, reason: 'epoch 7 is held' },
    { given: { guard: 'b' }, reason: 'epoch 7 is held by another guard' },
  ])('is refused: $reason ($given)', ({ given, reason }) => {
    expect(serving().renew(given)).toEqual({ kind: 'refused', reason });
  });

  it('is answered only after a round that began after it had come', () => {
    const { leases, renew } = serving();
    renew({ nonce: 1 });
    leases.roundBegan(1);
    renew({ nonce: 2 });
    expect(leases.roundConfirmed(1).map((renewal) => renewal.reply)).toEqual(['nonce 1']);
    leases.roundBegan(2);
    expect(leases.roundConfirmed(2).map((renewal) => renewal.reply)).toEqual(['nonce 2']);
    expect(leases.roundConfirmed(2)).toEqual([]);
  });

  it('is not answered once the lease closes, and is again when the expiry was rejected', () => {
    const { leases, renew, turnsUntil } = serving();
    renew({ nonce: 1 });
    leases.roundBegan(1);
    turnsUntil(0, 3_200);
    expect(leases.close(ORDERS)).toBe(true);
    expect(leases.closing).toBe(1);
    expect(leases.roundConfirmed(1)).toEqual([]);
    expect(renew({ nonce: 2 })).toEqual({ kind: 'ignored' });
    leases.reopen(ORDERS);
    expect(renew({ nonce: 3 })).toEqual({ kind: 'pending' });
  });

  it('keeps the lease from closing when it comes after the lease was found due', () => {
    const { leases, renew, turnsUntil } = serving();
    turnsUntil(0, 3_200);
    expect(leases.due()).toHaveLength(1);
    renew({ nonce: 1, at: 3_200 });
    leases.roundBegan(1);
    expect(leases.close(ORDERS)).toBe(false);
    expect(leases.roundConfirmed(1)).toHaveLength(1);
  });

  it('is not answered when the lease ended while the round was under way', () => {
    const { leases, renew } = serving();
    renew({ nonce: 1 });
    leases.roundBegan(1);
    leases.follow(ORDERS, null, ms(10));
    expect(leases.roundConfirmed(1)).toEqual([]);
  });
});

describe('suspicion', () => {
  it('does not begin before the grace for whom a new leader has not heard', () => {
    const time = new CappedTime(CAP_MS, ms(0));
    const silence = new Silence(time, 3_000, ms(0));
    for (let now = 50; now <= 3_500; now += 50) time.turn(ms(now), true);
    expect(silence.suspectedForMs('pg1')).toBe(500);
    silence.heard('pg1', ms(3_500));
    expect(silence.suspectedForMs('pg1')).toBe(0);
    time.turn(ms(3_550), true);
    expect(silence.suspectedForMs('pg1')).toBe(50);
    expect(silence.heardWithin('pg1', 40)).toBe(false);
    expect(silence.heardWithin('pg2', 10_000)).toBe(false);
  });
});
