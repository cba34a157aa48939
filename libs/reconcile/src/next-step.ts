import type { Goal } from '#libs/cluster';
import { unreachable } from '#libs/kernel';
import type { ConditionKind, ObservedCondition } from './condition.ts';
import { handOverRules, yieldRules } from './giving-up-rules.ts';
import type { ActedMemory } from './memory.ts';
import { primaryRules } from './primary-rules.ts';
import { await_, type Rule, type Rules, reportOnly, rest } from './rules.ts';
import { standbyRules } from './standby-rules.ts';
import type { GoalKind, Step } from './step.ts';
import { detachedRules, initialiseRules, waitRules } from './waiting-rules.ts';

/** The table: goal, then condition. A new goal or condition does not compile without its rules. */
const STEP_TABLE: { readonly [G in GoalKind]: Rules<G> } = {
  wait: waitRules,
  initialise: initialiseRules,
  primary: primaryRules,
  handOver: handOverRules,
  yield: yieldRules,
  detached: detachedRules,
  standby: standbyRules,
};

/** The next step towards `goal`. Pure, and safe to ask again at any time. */
export function nextStep(goal: Goal, condition: ObservedCondition, memory: ActedMemory): Step {
  const step = ruleFor(goal.kind, condition.kind)(goal, condition, memory);
  const foreign = foreignData(goal, condition);
  if (foreign !== null && usesData(step)) return foreign;
  return heldByPromise(step, condition) ?? standStill(goal, step) ?? step;
}

/** An operator has the say here: what runs goes on, what was stopped stays so, no data is touched. */
function standStill(goal: Goal, step: Step): Step | null {
  if (!('still' in goal) || goal.still === undefined) return null;
  const touches = STARTS_OR_REPLACES.includes(step.kind) || isOrderlyStop(step);
  return touches ? rest(goal.still) : null;
}

const STARTS_OR_REPLACES: readonly Step['kind'][] = [
  ...(['startStandby', 'startPrimary'] as const),
  ...(['rewind', 'rebuild', 'putBack', 'needsRebuild', 'examine'] as const),
];

/** One without a right to run is always ended, at once. */
function isOrderlyStop(step: Step): boolean {
  return step.kind === 'stop' && step.mode === 'fast';
}

/** While another is primary by this member's promise, nothing is done here that could end its epoch. */
function heldByPromise(step: Step, { promised }: ObservedCondition): Step | null {
  if (promised === null || promised === undefined) return null;
  const breaksIt =
    step.kind === 'detach' || step.kind === 'fastForward'
      ? step.throughEpoch >= promised.epoch
      : TAKES_OVER.includes(step.kind) && 'epoch' in step && step.epoch > promised.epoch;
  if (!breaksIt) return null;
  return await_(`promised the primary of epoch ${promised.epoch} not to take over`);
}

const TAKES_OVER: readonly Step['kind'][] = ['acquireLease', 'promote', 'startPrimary'];

/** Another database's directory is never started, followed, replaced or vouched for. */
function foreignData(goal: Goal, condition: ObservedCondition): Step | null {
  if (!('systemIdentifier' in goal) || !('systemIdentifier' in condition)) return null;
  const [found, expected] = [condition.systemIdentifier, goal.systemIdentifier];
  if (found === expected) return null;
  return reportOnly(
    `the data directory belongs to another PostgreSQL cluster (system identifier ${found}, ` +
      `expected ${expected}): move it away or name another one`,
  );
}

function usesData(step: Step): boolean {
  switch (step.kind) {
    case 'initialise':
    case 'rebuild':
    case 'putBack':
    case 'rewind':
    case 'examine':
    case 'startStandby':
    case 'startPrimary':
    case 'promote':
    case 'follow':
    case 'detach':
    case 'fastForward':
    case 'acquireLease':
    case 'settlePrimary':
    case 'needsRebuild':
    case 'setSynchronous':
    case 'admitClients':
    case 'rest':
      return true;
    case 'await':
    case 'reportOnly':
    case 'restart':
    case 'stop':
    case 'handOver':
    case 'release':
    case 'stopForeign':
      return false;
    default:
      return unreachable(step);
  }
}

/** The table pairs each rule with its own goal and condition, which the compiler cannot follow here. */
function ruleFor(
  goal: GoalKind,
  condition: ConditionKind,
): (goal: Goal, condition: ObservedCondition, memory: ActedMemory) => Step {
  return STEP_TABLE[goal][condition] as Rule<GoalKind, ConditionKind> as (
    goal: Goal,
    condition: ObservedCondition,
    memory: ActedMemory,
  ) => Step;
}
