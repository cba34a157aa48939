import type { InstanceName } from '#libs/kernel';
import type { CommandDecision, Decision, DecisionInput } from '../decision.ts';
import type { ClusterEvent } from '../events.ts';
import type { RuleRefusal } from '../rule-refusal.ts';

/** At most one recorded refusal per cluster in this time (safety 24). */
export const REFUSAL_INTERVAL_MS = 10_000;

type Action = Extract<ClusterEvent, { type: 'ActionRefused' }>['action'];

/** Records why nothing is done, but only when the set of rules that refuse has changed. */
export function refuse(
  { state, observations }: DecisionInput,
  action: Action,
  refusals: readonly RuleRefusal[],
): Decision | null {
  const last = state.lastRefusal;
  if (last !== null && last.action === action && sameRules(last.refusals, refusals)) return null;
  const { sinceRefusalMs } = observations;
  if (last !== null && sinceRefusalMs !== null && sinceRefusalMs < REFUSAL_INTERVAL_MS) return null;
  return { rule: `refuse-${action}`, events: [{ type: 'ActionRefused', action, refusals }] };
}

/** The answer to an order that one rule stands against. */
export function refused(
  rule: string,
  value: string,
  limit: string,
  instance: InstanceName | null = null,
): CommandDecision {
  return { kind: 'refused', refusals: [{ instance, rule, value, limit }] };
}

function sameRules(a: readonly RuleRefusal[], b: readonly RuleRefusal[]): boolean {
  const keys = (list: readonly RuleRefusal[]) =>
    list.map(({ instance, rule }) => `${instance}:${rule}`).sort();
  const [left, right] = [keys(a), keys(b)];
  return left.length === right.length && left.every((key, position) => key === right[position]);
}
