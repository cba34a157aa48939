import type { ConditionOf, ObservedCondition } from './condition.ts';
import {
  await_,
  letGo,
  type Rules,
  reportOnly,
  rest,
  restartOrdered,
  stopFast,
  stopForeign,
  stopNow,
} from './rules.ts';
import type { GoalOf, Step } from './step.ts';

type PrimaryGoal = GoalOf<'primary'>;

/** A leader that is there has heard of a dead postmaster, and committed what it thinks of it, in a tenth of this. */
const LEADER_FIRST_MS = 500;

/** Towards "serve writes in `epoch`". Nothing writable is started before the guard holds it. */
export const primaryRules: Rules<'primary'> = {
  empty: (goal, condition) => giveBack(goal, condition, 'there is no data directory to serve'),
  unfinished: (goal, condition) => giveBack(goal, condition, `${condition.work} did not end here`),
  unusable: (goal, condition) => giveBack(goal, condition, condition.why),
  stopped: fromStopped,
  starting: (goal, condition) => {
    if (replaced(goal, condition)) return stopNow('the lease was granted to an earlier guard');
    return await_(`starting as ${condition.as}`);
  },
  stopping: () => await_('PostgreSQL is stopping'),
  standby: fromStandby,
  primary: fromPrimary,
  foreign: stopForeign,
  unresponsive: (_goal, { why }) => reportOnly(`PostgreSQL does not answer: ${why}`),
};

function fromStopped(goal: PrimaryGoal, condition: ConditionOf<'stopped'>): Step {
  if (replaced(goal, condition)) return releaseForTheDeadGuard(goal);
  const { timeline } = condition.own;
  if (timeline > goal.timeline) return reportOnly(timelineTooHigh(timeline, goal));
  if (mayBeFailedOver(goal, condition)) return await_('the leader may prefer a standby');
  const lease = needsLease(goal, condition);
  if (lease !== null) return lease;
  if (timeline === goal.timeline) {
    const why = `already on timeline ${timeline}`;
    return { kind: 'startPrimary', epoch: goal.epoch, abandons: false, why };
  }
  const why = `on timeline ${timeline}: started as a standby, then promoted to ${goal.timeline}`;
  return { kind: 'startStandby', upstream: null, why };
}

function fromStandby(goal: PrimaryGoal, condition: ConditionOf<'standby'>): Step {
  if (replaced(goal, condition)) return stopNow('the lease was granted to an earlier guard');
  const { timeline } = condition.own;
  if (timeline > goal.timeline) return reportOnly(timelineTooHigh(timeline, goal));
  const lease = needsLease(goal, condition);
  if (lease !== null) return lease;
  if (timeline === goal.timeline) {
    return stopFast(`timeline ${timeline} goes on: restarted as primary, not promoted`);
  }
  const { epoch } = goal;
  const why = `chosen as primary of epoch ${epoch}`;
  return { kind: 'promote', epoch, timeline: goal.timeline, why };
}

function fromPrimary(goal: PrimaryGoal, condition: ConditionOf<'primary'>): Step {
  if (replaced(goal, condition)) return stopNow('the lease was granted to an earlier guard');
  const { epoch, timeline } = goal;
  if (condition.timeline !== timeline) {
    const why = `it writes on timeline ${condition.timeline}, epoch ${epoch} on ${timeline}`;
    return stopNow(why);
  }
  const lease = needsLease(goal, condition);
  if (lease !== null) return lease;
  if (!condition.settled) return { kind: 'settlePrimary', epoch, why: 'it accepts writes' };
  const { synchronous } = goal;
  if (synchronous !== undefined && condition.synchronous?.order !== synchronous.order) {
    const { setting, order } = synchronous;
    return {
      kind: 'setSynchronous',
      setting,
      order,
      why: `order ${order} of what commits wait for`,
    };
  }
  const left = letGo(goal, condition);
  if (left !== null) return left;
  if (condition.clientsKeptOut === true) {
    return { kind: 'admitClients', why: 'it was restarted in place' };
  }
  const restart = restartOrdered(goal, condition);
  if (restart !== null) return restart;
  return rest(`primary of epoch ${epoch} on timeline ${timeline}`);
}

/**
 * Where a standby surely has every commit a failover is preferred to a restart (safety 12), and is over
 * before a restart would be: one that is begun all the same has to be ended before the lease can be given back.
 */
function mayBeFailedOver(goal: PrimaryGoal, { downForMs }: ConditionOf<'stopped'>): boolean {
  if (goal.served !== true || goal.restart !== undefined || downForMs === undefined) return false;
  const relied = goal.synchronous?.committed ?? null;
  return relied !== null && downForMs < LEADER_FIRST_MS;
}

function needsLease(goal: PrimaryGoal, condition: ObservedCondition): Step | null {
  if (condition.guard.epoch === goal.epoch) return null;
  return { kind: 'acquireLease', epoch: goal.epoch, why: `granted to this guard` };
}

function replaced(goal: PrimaryGoal, condition: ObservedCondition): boolean {
  return goal.guard !== condition.guard.incarnation;
}

function releaseForTheDeadGuard({ epoch }: PrimaryGoal): Step {
  const why = `epoch ${epoch} was granted to an earlier guard, and PostgreSQL is down`;
  return { kind: 'release', epoch, reason: 'guard-replaced', why };
}

/** Nothing here can be served: whoever can should get the next epoch soon. */
function giveBack(goal: PrimaryGoal, condition: ObservedCondition, why: string): Step {
  if (replaced(goal, condition)) return releaseForTheDeadGuard(goal);
  return { kind: 'release', epoch: goal.epoch, reason: 'yielded', why };
}

function timelineTooHigh(timeline: number, goal: PrimaryGoal): string {
  return `on timeline ${timeline}, above ${goal.timeline} which epoch ${goal.epoch} was granted`;
}
