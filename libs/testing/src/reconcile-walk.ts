/**
 * Every goal that controllers can set, every condition that an agent can observe, and the walk from the
 * one to the other when each step goes well.
 */
import type { Goal, MemberRecord, RebuildOrder } from '#libs/cluster';
import {
  epoch,
  epochMs,
  guardIncarnation,
  instanceName,
  parseLsn,
  timelineId,
  unreachable,
} from '#libs/kernel';
import {
  type ActedMemory,
  type ConditionOf,
  EMPTY_MEMORY,
  nextStep,
  type ObservedCondition,
  type OwnHistory,
  promiseDetached,
  type Step,
  type Surroundings,
} from '#libs/reconcile';

export const here = guardIncarnation('guard-here');
const dead = guardIncarnation('guard-dead');
export const forkLsn = parseLsn('0/5000');
export const upstream: MemberRecord = {
  name: instanceName('pg1'),
  postgres: { host: '10.0.0.1', port: 5432 },
  agent: { host: '10.0.0.1', port: 8008 },
  tags: { noFailover: false, noLoadBalance: false, failoverPriority: 0 },
};
export const onFirst = { timeline: timelineId(1), ancestors: [] };
export const onSecond = {
  timeline: timelineId(2),
  ancestors: [{ timeline: timelineId(1), forkLsn }],
};
export const impostor = {
  timeline: timelineId(2),
  ancestors: [{ timeline: timelineId(1), forkLsn: parseLsn('0/4000') }],
};

export const order: RebuildOrder = {
  order: 12,
  methods: ['pgbackrest', 'basebackup'],
  from: null,
  force: false,
  trigger: 'operator',
  reason: 'an operator ordered it',
};

export function standbyGoal(rebuild: RebuildOrder | null): Extract<Goal, { kind: 'standby' }> {
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

/** Of a standby leader that follows no server, only an archive. */
export function archiveGoal(rebuild: RebuildOrder | null): Extract<Goal, { kind: 'standby' }> {
  return {
    ...standbyGoal(rebuild),
    ...{ upstream: null, remote: { archive: 'pgbackrest' }, archiveOnly: true, mayBeAhead: true },
    methods: ['pgbackrest'],
  };
}

export const goals: readonly Goal[] = [
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
    startedAt: epochMs(1),
  },
  { kind: 'yield', epoch: epoch(2) },
  { kind: 'detached', throughEpoch: epoch(2), systemIdentifier: '7' },
  { kind: 'detached', throughEpoch: epoch(2), systemIdentifier: '7', copyAside: true },
  {
    kind: 'detached',
    throughEpoch: epoch(2),
    systemIdentifier: '7',
    fetch: { from: upstream, upTo: { timeline: timelineId(2), lsn: parseLsn('0/7000') } },
  },
  standbyGoal(null),
  standbyGoal(order),
  archiveGoal(null),
  archiveGoal(order),
];

const COPY_ASIDE = { abandonedHandOver: null, copyAside: true };

function* surroundings(): Generator<Surroundings> {
  for (const held of [null, epoch(1), epoch(2)]) {
    for (const abandonedHandOver of [null, epoch(2)]) {
      const guard = { incarnation: here, epoch: held };
      yield { guard, detached: null, abandonedHandOver };
    }
    yield { guard: { incarnation: here, epoch: held }, detached: null, ...COPY_ASIDE };
  }
}

export function* conditions(): Generator<ObservedCondition> {
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

type World = {
  readonly condition: ObservedCondition;
  readonly memory: ActedMemory;
  /** What lies in the data directory, also while nobody can see it. */
  readonly own: OwnHistory;
};

/** What a step does when everything goes well. */
function afterwards({ condition, memory, own }: World, step: Step): World {
  const { guard, detached, abandonedHandOver, rebuiltOrder = null, copyAside = false } = condition;
  const around = { guard, detached, abandonedHandOver, rebuiltOrder, copyAside };
  const instance = { systemIdentifier: '7', own: onSecond, walEnd: forkLsn };
  const stopped: ConditionOf<'stopped'> = {
    ...around,
    ...instance,
    own,
    ...('own' in condition ? { own: condition.own, walEnd: condition.walEnd ?? forkLsn } : {}),
    ...('timeline' in condition && condition.timeline === 1 ? { own: onFirst } : {}),
    kind: 'stopped',
    cleanShutdown: true,
  };
  const to = (next: ObservedCondition): World => ({
    condition: next,
    memory,
    own: 'own' in next ? next.own : own,
  });
  switch (step.kind) {
    case 'rest':
    case 'reportOnly':
    case 'needsRebuild':
      return { condition, memory, own };
    case 'await':
      return to(condition.kind === 'starting' ? started(condition, stopped) : stopped);
    case 'initialise':
      return to({ ...around, ...instance, kind: 'stopped', own: onFirst, cleanShutdown: true });
    case 'rebuild': {
      const rebuiltOrder = step.order.order;
      return to({ ...around, ...instance, rebuiltOrder, kind: 'stopped', cleanShutdown: true });
    }
    case 'putBack':
    case 'rewind':
      return to({ ...around, ...instance, copyAside: false, kind: 'stopped', cleanShutdown: true });
    case 'examine':
    case 'restart':
    case 'stop':
    case 'stopForeign':
      return to(stopped);
    case 'startStandby':
      return to({ ...around, kind: 'starting', as: 'standby', upstream: endpoint(step.upstream) });
    case 'follow':
      return to({ ...condition, upstream: step.upstream?.postgres ?? null } as ObservedCondition);
    case 'fastForward':
    case 'detach': {
      const here = { timeline: timelineId(2), lsn: forkLsn };
      const position = step.kind === 'detach' ? here : step.upTo;
      const proof = { throughEpoch: step.throughEpoch, position };
      return {
        condition: { ...condition, detached: proof },
        memory: promiseDetached(memory, step.throughEpoch),
        own,
      };
    }
    case 'acquireLease':
      return to({ ...condition, guard: { ...guard, epoch: step.epoch } });
    case 'startPrimary': {
      const { timeline } = stopped.own;
      const given = { ...around, abandonedHandOver: step.epoch };
      return to({ ...given, kind: 'primary', timeline, readOnly: false, settled: false });
    }
    case 'promote': {
      const { timeline } = onSecond;
      const primary = { kind: 'primary', timeline, readOnly: false, settled: false } as const;
      return { condition: { ...around, ...primary }, memory, own: onSecond };
    }
    case 'settlePrimary':
      return to({ ...condition, settled: true } as ObservedCondition);
    case 'setSynchronous':
      return to({ ...condition, synchronous: { setting: step.setting, order: step.order } });
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

/** What comes of a start: it serves as what it was started as. */
function started(
  { as, upstream: from }: ConditionOf<'starting'>,
  stopped: ConditionOf<'stopped'>,
): ObservedCondition {
  if (as === 'standby') return { ...stopped, kind: 'standby', upstream: from, receiving: false };
  const { timeline } = stopped.own;
  return { ...stopped, kind: 'primary', timeline, readOnly: false, settled: false };
}

function endpoint(member: MemberRecord | null): MemberRecord['postgres'] | null {
  return member?.postgres ?? null;
}

/** The leader answers a release with a new goal, and a human a report: the walk ends there. */
const ENDS: readonly Step['kind'][] = ['rest', 'reportOnly', 'release', 'needsRebuild'];
const LONGEST_WALK = 12;

export function walk(
  goal: Goal,
  start: ObservedCondition,
): { end: Step; last: World; steps: string[] } {
  const onlyFirst = 'timeline' in start && start.timeline === 1;
  const own = 'own' in start ? start.own : onlyFirst ? onFirst : onSecond;
  let world: World = { condition: start, memory: { ...EMPTY_MEMORY, epoch: 2 }, own };
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
