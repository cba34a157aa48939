import { describe, expect, it } from 'vitest';
import { epoch, guardIncarnation } from '#libs/kernel';
import type { GuardRequest } from '#libs/protocol';
import { Releases } from './releases.ts';

const SEVEN = {
  epoch: epoch(7),
  incarnation: guardIncarnation('a'),
  reason: 'hand-over',
  position: null,
} as const;

describe('a lease that is given back', () => {
  function setUp() {
    const sent: GuardRequest[] = [];
    return { sent, releases: new Releases((request) => sent.push(request)) };
  }

  it('is said again until a leader has answered, and then no more', async () => {
    const { sent, releases } = setUp();
    const outcome = releases.add(SEVEN);
    releases.repeat();
    releases.answered(epoch(6), { kind: 'released' });
    releases.repeat();
    expect(sent).toEqual(Array.from({ length: 3 }, () => ({ type: 'release', ...SEVEN })));
    releases.answered(epoch(7), { kind: 'released' });
    expect(await outcome).toEqual({ kind: 'released' });
    releases.repeat();
    expect(sent).toHaveLength(3);
    expect(releases.has(epoch(7))).toBe(true);
  });

  it('is news once, however often it is said and asked for', async () => {
    const { releases } = setUp();
    const heard = () => releases.answered(epoch(7), { kind: 'released' });
    void releases.add(SEVEN);
    expect([heard(), heard()]).toEqual([true, false]);
    const again = releases.add(SEVEN);
    expect(heard()).toBe(false);
    expect(await again).toEqual({ kind: 'released' });
    void releases.add({ ...SEVEN, epoch: epoch(8) });
    expect(releases.answered(epoch(8), { kind: 'released' })).toBe(true);
  });

  it('tells everybody who asked', async () => {
    const { releases } = setUp();
    const both = Promise.all([releases.add(SEVEN), releases.add(SEVEN)]);
    releases.answered(epoch(7), { kind: 'refused', reason: 'epoch 8 is held' });
    const refused = { kind: 'refused', reason: 'epoch 8 is held' };
    expect(await both).toEqual([refused, refused]);
  });
});
