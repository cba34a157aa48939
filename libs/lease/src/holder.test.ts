import { describe, expect, it } from 'vitest';
import { epoch, monotonicMs } from '#libs/kernel';
import { LeaseHolder } from './holder.ts';
import type { Moment } from './moment.ts';

const TIMING = { leaseTtlMs: 3_000, renewIntervalMs: 400, stopBudgetMs: 300, guardKillMs: 150 };
const SEVEN = epoch(7);

function at(monotonic: number, boot = monotonic): Moment {
  return { monotonicMs: monotonicMs(monotonic), bootMs: monotonicMs(boot) };
}

function setUp() {
  const said: string[] = [];
  const holder = new LeaseHolder(TIMING, {
    sendRenewal: (of, nonce, to) => said.push(`renew ${of}/${nonce} ${to}`),
    rightConfirmed: (of) => said.push(`confirmed ${of}`),
    stopNow: (reason, of, graceMs) => said.push(`stop ${of} ${reason} ${graceMs}`),
  });
  const take = (): string[] => said.splice(0);
  return { holder, take };
}

/** Holds epoch 7 by a renewal that left at 0 and was confirmed at 10. */
function holding() {
  const world = setUp();
  world.holder.acquire(SEVEN, at(0));
  world.holder.renewed(SEVEN, 1, at(10));
  world.take();
  return world;
}

describe('the right of a holder', () => {
  it('lasts from the sending, not from the answer', () => {
    const { holder, take } = setUp();
    expect(holder.acquire(SEVEN, at(0))).toBe('begun');
    expect(holder.mayServe(SEVEN, at(0))).toBe(false);
    holder.renewed(SEVEN, 1, at(900));
    expect(take()).toEqual(['renew 7/1 leader', 'confirmed 7']);
    expect(holder.remainingMs(at(900))).toBe(2_100);
    expect(holder.mayServe(SEVEN, at(900))).toBe(true);
  });

  it('begins to stop at s + D - stopBudgetMs, once, and goes on renewing', () => {
    const { holder, take } = holding();
    holder.tick(at(400));
    holder.tick(at(800));
    expect(take()).toEqual(['renew 7/2 leader', 'renew 7/3 all']);
    for (let now = 1_200; now <= 2_600; now += 400) holder.tick(at(now));
    take();
    expect(holder.nextTurnInMs(at(2_600))).toBe(100);
    holder.tick(at(2_700));
    expect(take()).toEqual(['stop 7 deadline 150']);
    holder.tick(at(2_800));
    expect(take()).toEqual(['renew 7/8 all']);
    expect(holder.mayServe(SEVEN, at(2_800))).toBe(false);
  });

  it.each([
    { begun: 2_700, graceMs: 150 },
    { begun: 2_800, graceMs: 50 },
    { begun: 2_900, graceMs: 0 },
  ])('leaves $graceMs ms until SIGKILL when the stop begins at $begun', ({ begun, graceMs }) => {
    const { holder, take } = holding();
    for (let now = 400; now < 2_700; now += 400) holder.tick(at(now));
    take();
    holder.tick(at(begun));
    expect(take()[0]).toBe(`stop 7 deadline ${graceMs}`);
  });

  it('counts the time in which the host was suspended', () => {
    const { holder, take } = holding();
    holder.tick(at(500, 2_750));
    expect(take()[0]).toBe('stop 7 deadline 100');
  });

  it('kills first when it wakes after the end, whatever came in meanwhile', () => {
    const { holder, take } = holding();
    holder.tick(at(400));
    take();
    holder.renewed(SEVEN, 2, at(3_050));
    expect(take()).toEqual(['stop 7 woke-late 0', 'confirmed 7']);
  });

  it('survives a late turn while the right lasts', () => {
    const { holder, take } = holding();
    holder.wake(at(2_000));
    expect(take()).toEqual([]);
  });

  it('ends at once and for ever with a refusal', () => {
    const { holder, take } = holding();
    holder.refused(SEVEN, at(500));
    expect(take()).toEqual(['stop 7 refused 150']);
    expect(holder.acquire(SEVEN, at(600))).toBe('over');
    expect(holder.acquire(epoch(6), at(600))).toBe('over');
    holder.renewed(SEVEN, 1, at(700));
    expect(take()).toEqual([]);
    expect(holder.acquire(epoch(8), at(800))).toBe('begun');
  });

  it('never renews what it released', () => {
    const { holder, take } = holding();
    holder.release(SEVEN);
    holder.tick(at(3_000));
    holder.leaderAnnounced(at(3_001));
    expect(take()).toEqual([]);
    expect(holder.acquire(SEVEN, at(3_002))).toBe('over');
  });

  it('asks a new leader at once', () => {
    const { holder, take } = holding();
    holder.leaderAnnounced(at(50));
    expect(take()).toEqual(['renew 7/2 leader']);
  });

  it('keeps its beat when a new leader was asked in between, and does not take that for missed', () => {
    const { holder, take } = holding();
    holder.leaderAnnounced(at(350));
    expect(holder.nextTurnInMs(at(350))).toBe(50);
    holder.tick(at(400));
    expect(take()).toEqual(['renew 7/2 leader', 'renew 7/3 leader']);
    holder.tick(at(800));
    expect(take()).toEqual(['renew 7/4 all']);
  });

  it('is not put off for good by a late turn', () => {
    const { holder, take } = holding();
    holder.tick(at(470));
    expect(take()).toEqual(['renew 7/2 leader']);
    expect(holder.nextTurnInMs(at(470))).toBe(330);
    holder.tick(at(1_650));
    expect(holder.nextTurnInMs(at(1_650))).toBe(350);
  });

  it.each([
    { what: 'an answer that was never asked for', nonce: 99 },
    { what: 'a repeated answer', nonce: 1 },
  ])('$what lengthens nothing', ({ nonce }) => {
    const { holder, take } = holding();
    holder.renewed(SEVEN, nonce, at(700));
    expect(take()).toEqual([]);
    expect(holder.remainingMs(at(700))).toBe(2_300);
  });

  it('an answer out of order does not shorten the right', () => {
    const { holder } = holding();
    holder.tick(at(400));
    holder.tick(at(800));
    holder.renewed(SEVEN, 3, at(850));
    holder.renewed(SEVEN, 2, at(900));
    expect(holder.remainingMs(at(900))).toBe(2_900);
  });

  it('regains the right of the same epoch after an outage of the controllers', () => {
    const { holder, take } = holding();
    for (let now = 400; now <= 6_000; now += 400) holder.tick(at(now));
    expect(take().filter((line) => line.startsWith('stop'))).toEqual(['stop 7 deadline 50']);
    holder.renewed(SEVEN, 16, at(6_010));
    expect(take()).toEqual(['confirmed 7']);
    expect(holder.mayServe(SEVEN, at(6_010))).toBe(true);
  });
});

describe('a holder in a crowd', () => {
  function inCrowd(intervalMs: number) {
    const world = setUp();
    world.holder.acquire(SEVEN, at(0));
    world.holder.renewed(SEVEN, 1, at(10), intervalMs);
    world.take();
    return world;
  }

  it('renews as seldom as the leader asks, until an answer has nothing of it', () => {
    const { holder, take } = inCrowd(800);
    expect(holder.nextTurnInMs(at(10))).toBe(790);
    holder.tick(at(400));
    expect(take()).toEqual([]);
    holder.tick(at(800));
    expect(take()).toEqual(['renew 7/2 leader']);
    holder.renewed(SEVEN, 2, at(820));
    expect(holder.nextTurnInMs(at(820))).toBe(380);
  });

  it('has two renewals to spare, whatever is asked', () => {
    const { holder, take } = inCrowd(60_000);
    for (let now = 100; now < 2_700; now += 100) holder.tick(at(now));
    expect(take()).toEqual(['renew 7/2 leader', 'renew 7/3 leader', 'renew 7/4 all']);
    holder.tick(at(2_700));
    expect(take()).toEqual(['stop 7 deadline 150', 'renew 7/5 all']);
  });

  it('asks the leader alone for longer, then everybody between two beats: answers come late where thousands ask', () => {
    const { holder, take } = inCrowd(800);
    holder.tick(at(800));
    holder.tick(at(1_600));
    expect(take()).toEqual(['renew 7/2 leader', 'renew 7/3 leader']);
    expect(holder.nextTurnInMs(at(1_600))).toBe(400);
    holder.tick(at(2_000));
    expect(take()).toEqual(['renew 7/4 all']);
    expect(holder.nextTurnInMs(at(2_000))).toBe(400);
    holder.tick(at(2_400));
    expect(take()).toEqual(['renew 7/5 all']);
  });

  it('asks nobody else where the answer was only late', () => {
    const { holder, take } = inCrowd(800);
    holder.tick(at(800));
    holder.tick(at(1_600));
    holder.renewed(SEVEN, 2, at(1_700), 800);
    expect(holder.nextTurnInMs(at(1_700))).toBe(700);
    holder.tick(at(2_000));
    holder.renewed(SEVEN, 3, at(2_100), 800);
    holder.tick(at(2_400));
    expect(take()).toEqual([
      ...['renew 7/2 leader', 'renew 7/3 leader', 'confirmed 7', 'confirmed 7'],
      'renew 7/4 leader',
    ]);
  });

  it('asks a new leader with its next beat when that leaves another one to spare', () => {
    const { holder, take } = inCrowd(800);
    holder.tick(at(800));
    expect(take()).toEqual(['renew 7/2 leader']);
    holder.leaderAnnounced(at(1_500));
    expect(take()).toEqual([]);
    holder.tick(at(1_600));
    expect(take()).toEqual(['renew 7/3 leader']);
    holder.renewed(SEVEN, 3, at(1_650), 800);
    expect(holder.mayServe(SEVEN, at(1_650))).toBe(true);
  });

  it('asks a new leader at once when its next beat would be the last', () => {
    const { holder, take } = inCrowd(800);
    holder.tick(at(800));
    holder.tick(at(1_600));
    expect(take()).toEqual(['renew 7/2 leader', 'renew 7/3 leader']);
    holder.leaderAnnounced(at(1_700));
    expect(take()).toEqual(['renew 7/4 leader']);
    holder.tick(at(2_400));
    expect(take()).toEqual(['renew 7/5 all']);
  });

  it('whose link to the leader broke asks nobody while its right leaves it another beat', () => {
    const { holder, take } = inCrowd(800);
    holder.leaderLost(at(500));
    expect(holder.nextTurnInMs(at(500))).toBe(1_400);
    holder.tick(at(800));
    holder.tick(at(1_600));
    expect(take()).toEqual([]);
    holder.tick(at(1_900));
    expect(take()).toEqual(['renew 7/2 leader']);
    expect(holder.nextTurnInMs(at(1_900))).toBe(500);
    holder.tick(at(2_400));
    expect(take()).toEqual(['renew 7/3 all']);
  });

  it('whose link to a leader broke that goes on asks with each beat again after two intervals', () => {
    const { holder, take } = inCrowd(800);
    holder.leaderLost(at(500));
    holder.tick(at(1_900));
    holder.renewed(SEVEN, 2, at(1_920), 800);
    take();
    expect(holder.nextTurnInMs(at(1_920))).toBe(480);
    holder.tick(at(2_400));
    expect(take()).toEqual(['renew 7/3 leader']);
  });

  it('hears of a new leader and asks it with the next beat, though one has gone by', () => {
    const { holder, take } = inCrowd(800);
    holder.leaderLost(at(500));
    holder.tick(at(900));
    holder.leaderAnnounced(at(1_200));
    expect(take()).toEqual([]);
    expect(holder.nextTurnInMs(at(1_200))).toBe(400);
    holder.tick(at(1_600));
    expect(take()).toEqual(['renew 7/2 leader']);
  });

  it('that is none asks everybody at once when its link to the leader breaks', () => {
    const { holder, take } = holding();
    holder.leaderLost(at(100));
    holder.tick(at(400));
    expect(take()).toEqual(['renew 7/2 leader']);
  });

  it('does not follow an answer that an earlier renewal got late, nor into the next epoch', () => {
    const { holder } = inCrowd(800);
    holder.tick(at(800));
    holder.renewed(SEVEN, 2, at(810), 800);
    holder.renewed(SEVEN, 1, at(820));
    expect(holder.nextTurnInMs(at(820))).toBe(780);
    holder.acquire(epoch(8), at(830));
    expect(holder.nextTurnInMs(at(830))).toBe(400);
  });
});
