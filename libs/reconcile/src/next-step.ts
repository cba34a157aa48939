import type { Goal } from '#libs/cluster';
import type { ConditionKind, ObservedCondition } from './condition.ts';
import { handOverRules, yieldRules } from './giving-up-rules.ts';
import type { ActedMemory } from './memory.ts';
import { primaryRules } from './primary-rules.ts';
import type { Rule, Rules } from './rules.ts';
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
  return ruleFor(goal.kind, condition.kind)(goal, condition, memory);
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
