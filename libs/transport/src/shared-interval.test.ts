import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { everyShared, onNextBeat } from './shared-interval.ts';

describe('duties of one period', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('given many of them, share one timer and run in one wake-up', () => {
    const ran: string[] = [];
    const ends = ['a', 'b', 'c'].map((name) => everyShared(500, () => void ran.push(name)));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(500);
    expect(ran).toEqual(['a', 'b', 'c']);
    for (const end of ends) end();
  });

  it('given thousands, never run more than 64 in one wake-up, and each once a period', () => {
    const atMs: number[] = [];
    const ends = Array.from({ length: 3_000 }, () =>
      everyShared(500, () => void atMs.push(performance.now())),
    );
    vi.advanceTimersByTime(500);
    expect(atMs).toHaveLength(3_000);
    const together = [...new Set(atMs)].map((ms) => atMs.filter((at) => at === ms).length);
    expect(Math.max(...together)).toBeLessThanOrEqual(64);
    for (const end of ends) end();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('given the last one ended, leave no timer; begun again, run again', () => {
    const ran: string[] = [];
    const duty = (): void => void ran.push('ran');
    const end = everyShared(500, duty);
    end();
    expect(vi.getTimerCount()).toBe(0);
    const endAgain = everyShared(500, duty);
    vi.advanceTimersByTime(1_000);
    expect(ran).toEqual(['ran', 'ran']);
    endAgain();
  });

  it('given a duty for the next beat alone, run it once with the others; from within it, for the one after', () => {
    const ran: string[] = [];
    const end = everyShared(500, () => void ran.push('every'));
    onNextBeat(500, () => {
      ran.push('once');
      onNextBeat(500, () => void ran.push('again'));
    });
    const putOff = onNextBeat(500, () => void ran.push('never'));
    putOff();
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(500);
    expect(ran).toEqual(['every', 'once']);
    vi.advanceTimersByTime(1_000);
    expect(ran).toEqual(['every', 'once', 'every', 'again', 'every']);
    end();
  });

  it('given one ends another in its turn, go on with the rest', () => {
    const ran: string[] = [];
    const ends: (() => void)[] = [];
    ends.push(
      everyShared(500, () => {
        ran.push('a');
        ends[1]?.();
      }),
    );
    ends.push(everyShared(500, () => void ran.push('b')));
    ends.push(everyShared(500, () => void ran.push('c')));
    vi.advanceTimersByTime(500);
    expect(ran).toEqual(['a', 'c']);
    for (const end of ends) end();
  });
});
