import { timelineId } from '#libs/kernel';
import type { ConditionOf, ObservedCondition } from './condition.ts';
import type { ActedMemory } from './memory.ts';
import { primaryRules } from './primary-rules.ts';
import { await_, type Rules, reportOnly, stopFast, stopForeign, stopNow } from './rules.ts';
import type { GoalOf, Step } from './step.ts';

type HandOverGoal = GoalOf<'handOver'>;

/**
 * Towards "serve no more in `epoch`, because another is to". What cannot stop cleanly in time serves
 * on in the same epoch: an abandoned switchover costs less than a lost commit.
 */
export const handOverRules: Rules<'handOver'> = {
  empty: handBack,
  unfinished: handBack,
  unusable: handBack,
  stopped: (goal, condition, memory) => {
    const { epoch } = goal;
    if (serves(goal, condition)) return serveOn(goal, condition, memory);
    if (condition.cleanShutdown || condition.guard.epoch !== epoch) {
      const why = `stopped cleanly for ${goal.to}`;
      return { kind: 'release', epoch, reason: 'hand-over', why };
    }
    const why = `${goal.to} may lack what was written before the crash: the hand-over is given up`;
    return { kind: 'startPrimary', epoch, abandons: true, why };
  },
  starting: () => await_('PostgreSQL is starting'),
  stopping: () => await_('PostgreSQL is stopping'),
  standby: (goal) => stopFast(`${goal.to} is to be primary, this never was`),
  primary: (goal, condition, memory) => {
    if (serves(goal, condition)) return serveOn(goal, condition, memory);
    const { epoch, stopBudgetMs } = goal;
    return { kind: 'handOver', epoch, stopBudgetMs, why: `${goal.to} is to be primary` };
  },
  foreign: stopForeign,
  unresponsive: (_goal, { why }) => reportOnly(`PostgreSQL does not answer: ${why}`),
};

/** Towards "down at once, and the epoch given back". */
export const yieldRules: Rules<'yield'> = {
  empty: giveBack,
  unfinished: giveBack,
  unusable: giveBack,
  stopped: giveBack,
  starting: stopToYield,
  stopping: stopToYield,
  standby: stopToYield,
  primary: stopToYield,
  foreign: stopForeign,
  unresponsive: stopToYield,
};

function handBack(goal: HandOverGoal): Step {
  const { epoch, to } = goal;
  return { kind: 'release', epoch, reason: 'hand-over', why: `nothing serves here; ${to} is next` };
}

function giveBack({ epoch }: GoalOf<'yield'>): Step {
  const why = 'the leader moves the primary, and PostgreSQL is down';
  return { kind: 'release', epoch, reason: 'yielded', why };
}

function stopToYield({ epoch }: GoalOf<'yield'>): Step {
  return stopNow(`the leader ends epoch ${epoch}`);
}

function serves(goal: HandOverGoal, condition: ObservedCondition): boolean {
  return condition.abandonedHandOver === goal.epoch && condition.guard.epoch === goal.epoch;
}

/** As if the goal were still "primary in this epoch": on the timeline that is here. */
function serveOn(
  goal: HandOverGoal,
  condition: ConditionOf<'stopped' | 'primary'>,
  memory: ActedMemory,
): Step {
  const timeline = condition.kind === 'stopped' ? condition.own.timeline : condition.timeline;
  const primary: GoalOf<'primary'> = {
    kind: 'primary',
    epoch: goal.epoch,
    guard: condition.guard.incarnation,
    timeline: timelineId(timeline),
    systemIdentifier: goal.systemIdentifier,
  };
  return condition.kind === 'stopped'
    ? primaryRules.stopped(primary, condition, memory)
    : primaryRules.primary(primary, condition, memory);
}
