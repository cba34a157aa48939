import { ALONE, type SyncSetting, sameSetting } from '#libs/cluster';
import type { ConditionKind, ConditionOf, ObservedCondition } from './condition.ts';
import type { ActedMemory } from './memory.ts';
import type { GoalKind, GoalOf, Step } from './step.ts';

export type Rule<G extends GoalKind, C extends ConditionKind> = (
  goal: GoalOf<G>,
  condition: ConditionOf<C>,
  memory: ActedMemory,
) => Step;

/** One column of the table: what to do towards one goal from each condition. */
export type Rules<G extends GoalKind> = { readonly [C in ConditionKind]: Rule<G, C> };

export const rest = (why: string): Step => ({ kind: 'rest', why });
export const await_ = (why: string): Step => ({ kind: 'await', why });
export const reportOnly = (why: string): Step => ({ kind: 'reportOnly', why });
export const stopFast = (why: string): Step => ({ kind: 'stop', mode: 'fast', why });
export const stopNow = (why: string): Step => ({ kind: 'stop', mode: 'immediate', why });

/**
 * The guard hears of a grant by itself, often before the agent has folded the event: an epoch that the
 * goal does not know of yet must not be given back as if it were an old one.
 */
export function grantUnknownTo(throughEpoch: number, held: number | null): Step | null {
  if (held === null || held <= throughEpoch) return null;
  return await_(`the guard was granted epoch ${held}, which is not in the events yet`);
}

/** An operator's restart: of this very postmaster, so that it is done once. */
export function restartOrdered(
  { restart }: { readonly restart?: { readonly startedAt: number } },
  { kind, postmasterStartedAt }: ObservedCondition,
): Step | null {
  if (restart === undefined || postmasterStartedAt !== restart.startedAt) return null;
  return { kind: 'restart', asPrimary: kind === 'primary', why: 'an operator ordered it' };
}

export function stopForeign(_goal: unknown, { pid }: ConditionOf<'foreign'>): Step {
  return { kind: 'stopForeign', pid, why: `process ${pid} was not started by our guard` };
}

/** The mode was switched off: what is held from before would make a later primary wait for names that nobody keeps up. */
export function letGo(
  { waitsForNobody }: { readonly waitsForNobody?: true },
  { synchronous }: Pick<ObservedCondition, 'synchronous'>,
): Step | null {
  if (waitsForNobody !== true || synchronous === undefined || synchronous.setting.count === 0) {
    return null;
  }
  return { kind: 'setSynchronous', setting: ALONE, order: null, why: 'commits wait for nobody' };
}

/** Its own commits must wait for others from the first one on, were it promoted now (safety 15). */
export function holdReady(
  goal: { readonly synchronous?: SyncSetting; readonly waitsForNobody?: true },
  condition: ConditionOf<'standby'>,
): Step | null {
  const { synchronous } = goal;
  if (synchronous === undefined) return letGo(goal, condition);
  const held = condition.synchronous?.setting;
  if (held !== undefined && sameSetting(held, synchronous)) return null;
  const why = 'held ready for a promotion';
  return { kind: 'setSynchronous', setting: synchronous, order: null, why };
}
