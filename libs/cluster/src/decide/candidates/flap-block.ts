/** The anti-flap window: what it blocks, and how an operator ends it (safety 23). */
import type { InstanceName } from '#libs/kernel';
import type { CommandDecision, DecisionInput } from '../../decision.ts';
import { flapWindowMs } from '../../flap-window.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';

/**
 * Why a primary that is still able to serve is not failed over now; null when it may be. Never to be
 * asked about one whose lease has ended or whose PostgreSQL is down. Time is the leader's own since it
 * applied the last failover, so no wall clock makes the window longer.
 */
export function flapBlock({ state, observations }: DecisionInput): RuleRefusal | null {
  const window = state.flapWindow ?? null;
  if (window === null || window.closed) return null;
  const lengthMs = flapWindowMs(window);
  const passedMs = observations.sinceFailoverMs ?? observations.servingForMs;
  if (passedMs >= lengthMs) return null;
  const value = `failover ${window.outage} from ${window.failed} was ${Math.round(passedMs / 1_000)} s ago`;
  const limit = `${lengthMs / 60_000} min, all standbys streaming, or \`matriarch acknowledge\``;
  return { instance: null, rule: 'anti-flap', value, limit };
}

/**
 * Who failed last is taken again only when nobody else can serve, while the window is open: a host that is
 * only just sick enough to fail would otherwise be primary every other time.
 */
export function backToLastFailed(input: DecisionInput, instance: InstanceName): RuleRefusal | null {
  if (input.state.flapWindow?.failed !== instance) return null;
  const block = flapBlock(input);
  return block === null ? null : { ...block, instance, rule: 'failed-last' };
}

/** An operator has seen the last failover: the next one is not held up by it. */
export function decideAcknowledge({ state }: DecisionInput): CommandDecision {
  const window = state.flapWindow ?? null;
  if (window === null) {
    return { kind: 'satisfied', why: 'there is no failover that waits to be acknowledged' };
  }
  const event = { type: 'FailoverAcknowledged', outage: window.outage } as const;
  return { kind: 'decided', decision: { rule: 'operator-acknowledge', events: [event] } };
}
