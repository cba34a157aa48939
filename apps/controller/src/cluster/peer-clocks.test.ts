import { beforeEach, describe, expect, it } from 'vitest';
import { epochMs, monotonicMs } from '#libs/kernel';
import { PeerClocks } from './peer-clocks.ts';

const NOON = 1_800_000_000_000;
const GROUP = [1, 2, 3];

let [wall, monotonic] = [0, 0];
let clocks: PeerClocks;

beforeEach(() => {
  [wall, monotonic] = [NOON, 500];
  clocks = new PeerClocks({
    nowMs: () => epochMs(wall),
    monotonicMs: () => monotonicMs(monotonic),
  });
});

function pass(ms: number): void {
  wall += ms;
  monotonic += ms;
}

/** Two announcements of each, the second `lateMs` late. */
function hears(peersAheadMs: Record<number, number>, lateMs = 0): void {
  for (const late of [0, lateMs]) {
    for (const [peer, aheadMs] of Object.entries(peersAheadMs)) {
      clocks.heard(Number(peer), epochMs(wall + aheadMs - late));
    }
    pass(5_000);
  }
}

describe('the clocks of the other controllers', () => {
  it('tell by how much the own one is ahead of a majority', () => {
    hears({ 2: -3_600_000, 3: -3_599_000 });
    expect(clocks.aheadOfMostMs(GROUP)).toBe(3_599_000);
  });

  it('tell nothing where one of them alone is behind, or all are ahead', () => {
    hears({ 2: -3_600_000, 3: 20 });
    expect(clocks.aheadOfMostMs(GROUP)).toBe(-20);
    hears({ 2: 7_000, 3: 9_000 });
    expect(clocks.aheadOfMostMs(GROUP)).toBe(-9_000);
  });

  it('are not known before a majority was heard twice', () => {
    hears({ 2: -3_600_000 });
    clocks.heard(3, epochMs(wall - 3_600_000));
    expect(clocks.aheadOfMostMs(GROUP)).toBeNull();
    clocks.heard(3, epochMs(wall - 3_600_000));
    expect(clocks.aheadOfMostMs(GROUP)).toBe(3_600_000);
  });

  it('do not seem behind because one announcement came late', () => {
    hears({ 2: 0, 3: 0 }, 4_000);
    expect(clocks.aheadOfMostMs(GROUP)).toBe(0);
  });

  it('stand still when the own one jumps: that one is ahead then', () => {
    hears({ 2: 0, 3: 0 });
    wall += 60_000;
    expect(clocks.aheadOfMostMs(GROUP)).toBe(60_000);
  });

  it('of those that left count no more', () => {
    hears({ 2: -5_000, 3: -5_000, 4: -5_000 });
    expect(clocks.aheadOfMostMs([1, 5, 6])).toBeNull();
  });
});
