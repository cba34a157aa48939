import { describe, expect, it } from 'vitest';
import type { Goal, MemberRecord, RebuildOrder } from '#libs/cluster';
import {
  epoch,
  guardIncarnation,
  instanceName,
  parseLsn,
  timelineId,
  unreachable,
} from '#libs/kernel';
import type { ObservedCondition, Surroundings } from './condition.ts';
import { type ActedMemory, EMPTY_MEMORY, promiseDetached } from './memory.ts';
import { nextStep } from './next-step.ts';
import { type Step, WRITABLE_STEPS } from './step.ts';

const here = guardIncarnation('guard-here');
const dead = guardIncarnation('guard-dead');
const forkLsn = parseLsn('0/5000');
const upstream: MemberRecord = {
  name: instanceName('pg1'),
  postgres: { host: '10.0.0.1', port: 5432 },
  agent: { host: '10.0.0.1', port: 8008 },
  tags: { noFailover: false, noLoadBalance: false, failoverPriority: 0 },
};
const onFirst = { timeline: timelineId(1), ancestors: [] };
const onSecond = {
  timeline: timelineId(2),
  ancestors: [{ timeline: timelineId(1), forkLsn }],
};
const impostor = {
  timeline: timelineId(2),
  ancestors: [{ timeline: timelineId(1), forkLsn: parseLsn('0/4000') }],
};

const order: RebuildOrder = {
  order: 12,
  methods: ['pgbackrest', 'basebackup'],
  from: null,
  force: false,
  trigger: 'operator',
  reason: 'an operator ordered it',
};

function standbyGoal(rebuild: RebuildOrder | null): Extract<Goal, { kind: 'standby' }> {
  return {
    kind: 'standby',
    upstream,
    epoch: epoch(2),
    timeline: timelineId(2),
    history: [
      { timeline: timelineId(1), fork: null },
      { timeline: timelineId(2), fork: { from: timelineId(1), lsn: forkLsn } },
    ],
    systemIdentifier: '7',
    promiseReleased: false,
    hurry: false,
    rebuild,
    methods: ['pg_rewind', 'basebackup'],
  };
}

const goals: readonly Goal[] = [
  { kind: 'wait', why: 'nothing to do', throughEpoch: 2 },
  { kind: 'initialise' },
  { kind: 'primary', epoch: epoch(2), guard: here, timeline: timelineId(2), systemIdentifier: '7' },
  { kind: 'primary', epoch: epoch(2), guard: dead, timeline: timelineId(2), systemIdentifier: '7' },
  {
    kind: 'handOver',
    epoch: epoch(2),
    to: instanceName('pg2'),
    stopBudgetMs: 400,
    systemIdentifier: '7',
  },
  { kind: 'yield', epoch: epoch(2) },
  { kind: 'detached', throughEpoch: epoch(2), systemIdentifier: '7' },
  standbyGoal(null),
  standbyGoal(order),
];

function* surroundings(): Generator<Surroundings> {
  for (const held of [null, epoch(1), epoch(2)]) {
    for (const abandonedHandOver of [null, epoch(2)]) {
      const guard = { incarnation: here, epoch: held };
      yield { guard, detached: null, abandonedHandOver };
    }
  }
}

function* conditions(): Generator<ObservedCondition> {
  for (const around of surroundings()) {
    yield { ...around, kind: 'empty' };
    yield { ...around, kind: 'unfinished', work: 'pg_basebackup' };
    yield { ...around, kind: 'unusable', why: 'not readable' };
    yield { ...around, kind: 'starting', as: 'primary', upstream: null };
    yield { ...around, kind: 'starting', as: 'standby', upstream: upstream.postgres };
    yield { ...around, kind: 'starting', as: 'standby', upstream: null };
    yield { ...around, kind: 'stopping' };
    yield { ...around, kind: 'foreign', pid: 42 };
    yield { ...around, kind: 'unresponsive', why: 'no answer in 1000 ms' };
    for (const own of [onFirst, onSecond, impostor]) {
      for (const walEnd of [null, forkLsn, parseLsn('0/6000')]) {
        const instance = { own, walEnd, systemIdentifier: '7' };
        for (const cleanShutdown of [true, false]) {
          yield { ...around, ...instance, kind: 'stopped', cleanShutdown };
        }
        for (const to of [null, upstream.postgres, { host: '10.0.0.3', port: 5432 }]) {
          const receiving = to !== null;
          yield { ...around, ...instance, kind: 'standby', upstream: to, receiving };
        }
      }
      for (const settled of [true, false]) {
        const { timeline } = own;
        yield { ...around, kind: 'primary', timeline, readOnly: false, settled };
      }
    }
  }
}

type World = { readonly condition: ObservedCondition; readonly memory: ActedMemory };

/** What a step does when everything goes well. */
function afterwards({ condition, memory }: World, step: Step): World {
  const { guard, detached, abandonedHandOver, rebuiltOrder = null } = condition;
  const around = { guard, detached, abandonedHandOver, rebuiltOrder };
  const instance = { systemIdentifier: '7', own: onSecond, walEnd: forkLsn };
  const stopped: ObservedCondition = {
    ...around,
    ...instance,
    ...('own' in condition ? { own: condition.own, walEnd: condition.walEnd ?? forkLsn } : {}),
    ...('timeline' in condition && condition.timeline === 1 ? { own: onFirst } : {}),
    kind: 'stopped',
    cleanShutdown: true,
  };
  const to = (next: ObservedCondition): World => ({ condition: next, memory });
  switch (step.kind) {
    case 'rest':
    case 'reportOnly':
      return { condition, memory };
    case 'await':
      if (condition.kind !== 'starting') return to(stopped);
      if (condition.as === 'standby') {
        return to({ ...stopped, kind: 'standby', upstream: condition.upstream, receiving: false });
      }
      return to({ ...around, kind: 'primary', ...onSecond, readOnly: false, settled: false });
    case 'initialise':
      return to({ ...around, ...instance, kind: 'stopped', own: onFirst, cleanShutdown: true });
    case 'needsRebuild':
      return { condition, memory };
    case 'rebuild': {
      const rebuiltOrder = step.order.order;
      return to({ ...around, ...instance, rebuiltOrder, kind: 'stopped', cleanShutdown: true });
    }
    case 'rewind':
      return to({ ...around, ...instance, kind: 'stopped', cleanShutdown: true });
    case 'examine':
    case 'restart':
    case 'stop':
    case 'stopForeign':
      return to(stopped);
    case 'startStandby':
      return to({ ...around, kind: 'starting', as: 'standby', upstream: endpoint(step.upstream) });
    case 'follow':
      return to({ ...condition, upstream: step.upstream.postgres } as ObservedCondition);
    case 'detach': {
      const position = { timeline: timelineId(2), lsn: forkLsn };
      const proof = { throughEpoch: step.throughEpoch, position };
      return {
        condition: { ...condition, detached: proof },
        memory: promiseDetached(memory, step.throughEpoch),
      };
    }
    case 'acquireLease':
      return to({ ...condition, guard: { ...guard, epoch: step.epoch } });
    case 'startPrimary': {
      const { timeline } = stopped.own;
      const given = { ...around, abandonedHandOver: step.epoch };
      return to({ ...given, kind: 'primary', timeline, readOnly: false, settled: false });
    }
    case 'promote':
      return to({ ...around, kind: 'primary', ...onSecond, readOnly: false, settled: false });
    case 'settlePrimary':
      return to({ ...condition, settled: true } as ObservedCondition);
    case 'setSynchronous': {
      const { setting, order } = step;
      return to({ ...condition, synchronous: { setting, order } });
    }
    case 'admitClients':
      return to({ ...condition, clientsKeptOut: false });
    case 'handOver':
      return to({ ...stopped, cleanShutdown: true });
    case 'release':
      return to({ ...condition, guard: { ...guard, epoch: null } });
    default:
      return unreachable(step);
  }
}

function endpoint(member: MemberRecord | null): MemberRecord['postgres'] | null {
  return member?.postgres ?? null;
}

/** The leader answers a release with a new goal, and a human a report: the walk ends there. */
const ENDS: readonly Step['kind'][] = ['rest', 'reportOnly', 'release', 'needsRebuild'];
const LONGEST_WALK = 12;

function walk(goal: Goal, start: ObservedCondition): { end: Step; last: World; steps: string[] } {
  let world: World = { condition: start, memory: { ...EMPTY_MEMORY, epoch: 2 } };
  const steps: string[] = [];
  for (let count = 0; count < LONGEST_WALK; count += 1) {
    const step = nextStep(goal, world.condition, world.memory);
    steps.push(`${world.condition.kind}: ${step.kind} (${step.why})`);
    const releaseOfAnother = step.kind === 'release' && goal.kind === 'standby';
    if (ENDS.includes(step.kind) && !releaseOfAnother) return { end: step, last: world, steps };
    world = afterwards(world, step);
  }
  throw new Error(`no end from ${start.kind} to ${goal.kind}:\n${steps.join('\n')}`);
}

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
        expect(last.condition).toMatchObject({ kind: 'standby', upstream: upstream.postgres });
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
