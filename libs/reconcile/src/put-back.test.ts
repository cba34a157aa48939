import { describe, expect, it } from 'vitest';
import { epoch } from '#libs/kernel';
import { conditions, goals } from '#libs/testing';
import { EMPTY_MEMORY } from './memory.ts';
import { nextStep } from './next-step.ts';

const [ordered] = goals.filter((goal) => goal.kind === 'detached' && goal.copyAside === true);

describe('a copy that lies aside', () => {
  it('is put back on an order only, where PostgreSQL is down and no lease is held', () => {
    let orders = 0;
    for (const goal of goals) {
      for (const condition of conditions()) {
        if (nextStep(goal, condition, EMPTY_MEMORY).kind !== 'putBack') continue;
        orders += 1;
        expect(goal).toBe(ordered);
        expect(condition.copyAside).toBe(true);
        expect(['empty', 'unfinished', 'stopped']).toContain(condition.kind);
        if (condition.kind === 'stopped') expect(condition.guard.epoch).toBeNull();
      }
    }
    expect(orders).toBeGreaterThan(10);
  });

  it('makes PostgreSQL stop that runs in its place, whatever was proved of that', () => {
    if (ordered === undefined) throw new Error('no such goal');
    const kinds = ['standby', 'starting', 'unresponsive'];
    const running = [...conditions()].filter(
      ({ kind, copyAside }) => kinds.includes(kind) && copyAside === true,
    );
    expect(running.length).toBeGreaterThan(10);
    const position = { timeline: 1, lsn: 1n } as never;
    const detached = { throughEpoch: epoch(2), position };
    for (const condition of running) {
      expect(nextStep(ordered, { ...condition, detached }, EMPTY_MEMORY).kind).toBe('stop');
    }
  });

  it('is not touched in maintenance', () => {
    const goal = { ...ordered, still: 'pg2 is in maintenance' } as never;
    const unfinished = [...conditions()].find(
      ({ kind, copyAside }) => kind === 'unfinished' && copyAside === true,
    );
    if (unfinished === undefined) throw new Error('no such condition');
    expect(nextStep(goal, unfinished, EMPTY_MEMORY).kind).toBe('rest');
  });
});
