import { describe, expect, it } from 'vitest';
import { epoch, parseLsn } from '#libs/kernel';
import {
  conditions,
  forkLsn,
  goals,
  here,
  impostor,
  onFirst,
  onSecond,
  order,
  standbyGoal,
  upstream,
  walk,
} from '#libs/testing';
import type { ObservedCondition } from './condition.ts';
import { EMPTY_MEMORY, promiseDetached } from './memory.ts';
import { nextStep } from './next-step.ts';
import { WRITABLE_STEPS } from './step.ts';

describe('nextStep', () => {
  it.each(goals.map((goal) => [goal.kind, goal] as const))(
    'reaches %s from everywhere',
    (_k, g) => {
      for (const start of conditions()) {
        const { end, steps } = walk(g, start);
        const blocked = ['unusable', 'foreign', 'unresponsive'].includes(start.kind);
        const nothingHere =
          (['empty', 'unfinished'].includes(start.kind) && g.kind === 'detached') ||
          (start.kind === 'unfinished' && g.kind === 'initialise');
        const tooHigh = end.why.includes('above');
        const acceptable = blocked || nothingHere || tooHigh || end.kind !== 'reportOnly';
        expect(acceptable, steps.join('\n')).toBe(true);
      }
    },
  );

  it('makes nothing writable unless the guard of the grant holds the epoch', () => {
    let writable = 0;
    for (const goal of goals) {
      for (const condition of conditions()) {
        const step = nextStep(goal, condition, EMPTY_MEMORY);
        if (!WRITABLE_STEPS.includes(step.kind)) continue;
        writable += 1;
        expect(['primary', 'handOver']).toContain(goal.kind);
        expect('epoch' in goal && goal.epoch).toBe(condition.guard.epoch);
        if (goal.kind === 'primary') expect(goal.guard).toBe(condition.guard.incarnation);
      }
    }
    expect(writable).toBeGreaterThan(10);
  });

  it('keeps a primary that has just failed out of the way of those who are asked first', () => {
    const [goal] = goals.filter(({ kind }) => kind === 'detached');
    const stopped = [...conditions()].find(
      ({ kind, guard, detached }) =>
        kind === 'stopped' && guard.epoch === null && detached === null,
    );
    if (goal?.kind !== 'detached' || stopped?.kind !== 'stopped') throw new Error('no such case');
    const step = (passedOver: boolean, downForMs?: number) =>
      nextStep(
        passedOver ? { ...goal, passedOver } : goal,
        downForMs === undefined ? stopped : { ...stopped, downForMs },
        EMPTY_MEMORY,
      ).kind;
    expect(step(true, 100)).toBe('rest');
    expect([step(false, 100), step(true, 600), step(true)]).toEqual(Array(3).fill('detach'));
  });

  it('leaves a dead primary to the leader for a moment, where a standby surely has every commit', () => {
    const set = { members: [{ instance: upstream.name, name: 'demo/pg2/0000' }], count: 1 };
    const setting = { method: 'first', names: ['demo/pg2/0000'], count: 1 } as const;
    const waits = { order: 3, setting, committed: set };
    const [goal] = goals.filter(({ kind }) => kind === 'primary');
    const stopped = [...conditions()].find(
      ({ kind, guard, ...rest }) =>
        kind === 'stopped' && guard.epoch === 2 && 'own' in rest && rest.own === onSecond,
    );
    if (goal?.kind !== 'primary' || stopped?.kind !== 'stopped') throw new Error('no such case');
    const stepOf = (of: object, downForMs?: number) => {
      const seen = downForMs === undefined ? stopped : { ...stopped, downForMs };
      return nextStep({ ...goal, served: true, synchronous: waits, ...of }, seen, EMPTY_MEMORY)
        .kind;
    };
    expect(stepOf({}, 20)).toBe('await');
    expect(stepOf({}, 500)).toBe('startPrimary');
    // An agent that was just started does not know since when it is down.
    expect(stepOf({})).toBe('startPrimary');
    // Nobody could take over, an operator ordered it, or this epoch never served.
    expect(stepOf({ synchronous: { ...waits, committed: null } }, 20)).toBe('startPrimary');
    expect(stepOf({ restart: { startedAt: 5 } }, 20)).toBe('startPrimary');
    expect(stepOf({ served: undefined }, 20)).toBe('startPrimary');
  });

  it.each(['standby', 'primary'] as const)(
    'lets a %s keep nothing that commits waited for once the mode is off',
    (kind) => {
      const [of] = goals.filter((each) => each.kind === kind && !('synchronous' in each));
      if (of === undefined) throw new Error('no such goal');
      const goal = { ...of, waitsForNobody: true } as typeof of;
      const resting = [...conditions()].find(
        (each) => each.kind === kind && nextStep(goal, each, EMPTY_MEMORY).kind === 'rest',
      );
      if (resting === undefined) throw new Error('no such condition');
      const holds = (names: readonly string[]) => {
        const setting = { method: 'any', names, count: Math.min(1, names.length) } as const;
        return { ...resting, synchronous: { setting, order: null } };
      };
      expect(nextStep(goal, holds(['demo/pg2/0000']), EMPTY_MEMORY)).toMatchObject({
        ...{ kind: 'setSynchronous', setting: { count: 0 }, order: null },
      });
      expect(nextStep(goal, holds([]), EMPTY_MEMORY).kind).toBe('rest');
      // Of a goal that does not say, nothing is let go.
      expect(nextStep(of, holds(['demo/pg2/0000']), EMPTY_MEMORY).kind).toBe('rest');
    },
  );

  it('lets nothing run writable without a lease', () => {
    for (const goal of goals.filter(({ kind }) => kind !== 'primary' && kind !== 'handOver')) {
      for (const condition of conditions()) {
        if (condition.kind !== 'primary' || condition.guard.epoch !== null) continue;
        expect(nextStep(goal, condition, EMPTY_MEMORY).kind).toBe('stop');
      }
    }
  });

  it('ends in the role that was asked for', () => {
    for (const goal of goals) {
      for (const start of conditions()) {
        const { end, last } = walk(goal, start);
        if (end.kind !== 'rest') continue;
        if (goal.kind === 'primary') expect(last.condition.kind).toBe('primary');
        if (goal.kind === 'detached') expect(last.condition.detached).not.toBeNull();
        if (goal.kind !== 'standby') continue;
        expect(last.condition).toMatchObject({
          ...{ kind: 'standby', upstream: goal.upstream?.postgres ?? null },
        });
      }
    }
  });

  it('initialises an empty directory only, or ends what had begun to be put into one', () => {
    for (const goal of goals) {
      for (const condition of conditions()) {
        if (nextStep(goal, condition, EMPTY_MEMORY).kind !== 'initialise') continue;
        expect(goal.kind).toBe('initialise');
        expect(['empty', 'unfinished']).toContain(condition.kind);
      }
    }
  });

  it('gives back no epoch that is later than any that the goal knows', () => {
    for (const goal of goals) {
      for (const condition of conditions()) {
        const granted = { ...condition, guard: { incarnation: here, epoch: epoch(3) } };
        const step = nextStep(goal, granted, EMPTY_MEMORY);
        if (step.kind === 'release') expect(step.epoch).toBeLessThan(3);
      }
    }
  });

  it('keeps the promise not to receive from a primary of an earlier epoch', () => {
    const memory = promiseDetached(EMPTY_MEMORY, epoch(2));
    for (const goal of goals.filter(({ kind }) => kind === 'standby')) {
      for (const condition of conditions()) {
        const { kind } = nextStep(goal, condition, memory);
        expect(['follow', 'startStandby', 'rebuild', 'rewind']).not.toContain(kind);
      }
    }
  });

  const around = {
    guard: { incarnation: here, epoch: null },
    detached: null,
    abandonedHandOver: null,
  };
  it.each([
    ['diverged by WAL past the fork', onFirst, '0/6000', 'rewind'],
    ['behind the fork', onFirst, '0/4000', 'startStandby'],
    ['same id, other fork: pg_rewind is not asked', impostor, '0/4800', 'needsRebuild'],
    ['end of WAL unread', onFirst, null, 'examine'],
  ] as const)('a stopped former primary, %s', (_name, own, walEnd, expected) => {
    const stopped: ObservedCondition = {
      ...around,
      kind: 'stopped',
      systemIdentifier: '7',
      own,
      walEnd: walEnd === null ? null : parseLsn(walEnd),
      cleanShutdown: false,
    };
    expect(nextStep(standbyGoal(null), stopped, EMPTY_MEMORY).kind).toBe(expected);
    // What cannot start from its own files is not started, and nothing of it can be rewound.
    const unstartable = 'pg_wal lacks a segment';
    const step = nextStep(standbyGoal(null), { ...stopped, unstartable }, EMPTY_MEMORY);
    expect(step).toEqual({ kind: 'needsRebuild', why: unstartable });
  });
});

describe('an order to build the data anew', () => {
  const around = {
    guard: { incarnation: here, epoch: null },
    detached: null,
    abandonedHandOver: null,
  };
  const stopped: ObservedCondition = {
    ...around,
    kind: 'stopped',
    systemIdentifier: '7',
    own: onSecond,
    walEnd: forkLsn,
    cleanShutdown: true,
  };
  const running: ObservedCondition = {
    ...stopped,
    kind: 'standby',
    receiving: true,
    upstream: upstream.postgres,
  };

  it('stops a standby, builds it, and is not carried out twice', () => {
    const goal = standbyGoal(order);
    expect(nextStep(goal, running, EMPTY_MEMORY).kind).toBe('stop');
    expect(nextStep(goal, stopped, EMPTY_MEMORY)).toMatchObject({
      kind: 'rebuild',
      replaces: 'instance',
      order: { order: 12 },
    });
    const done = { ...stopped, rebuiltOrder: 12 };
    expect(nextStep(goal, done, EMPTY_MEMORY).kind).toBe('startStandby');
    expect(nextStep(goal, { ...running, rebuiltOrder: 12 }, EMPTY_MEMORY).kind).toBe('rest');
    expect(nextStep(goal, { ...running, rebuiltOrder: 11 }, EMPTY_MEMORY).kind).toBe('stop');
  });

  it('is asked for, never assumed', () => {
    const empty: ObservedCondition = { ...around, kind: 'empty' };
    expect(nextStep(standbyGoal(null), empty, EMPTY_MEMORY).kind).toBe('needsRebuild');
    const diverged = { ...stopped, own: onFirst, walEnd: parseLsn('0/6000') };
    const failed = { ...diverged, rewindFailed: 'WAL is gone' };
    expect(nextStep(standbyGoal(null), diverged, EMPTY_MEMORY).kind).toBe('rewind');
    expect(nextStep(standbyGoal(null), failed, EMPTY_MEMORY)).toMatchObject({
      kind: 'needsRebuild',
      why: expect.stringContaining('WAL is gone'),
    });
    const withoutRewind = { ...standbyGoal(null), methods: ['basebackup' as const] };
    expect(nextStep(withoutRewind, diverged, EMPTY_MEMORY).kind).toBe('needsRebuild');
  });
});

describe("another database's directory", () => {
  const harmless = ['reportOnly', 'await', 'stop', 'release', 'stopForeign'];

  it('is never started, followed, replaced or vouched for, whatever the goal', () => {
    for (const goal of goals) {
      if (!('systemIdentifier' in goal)) continue;
      for (const condition of conditions()) {
        if (!('systemIdentifier' in condition)) continue;
        const foreign = { ...condition, systemIdentifier: '8' };
        const { kind } = nextStep(goal, foreign, EMPTY_MEMORY);
        expect(harmless, `${goal.kind} from ${condition.kind}`).toContain(kind);
      }
    }
  });
});
