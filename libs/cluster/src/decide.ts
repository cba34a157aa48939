import type { CommandDecision, Decision, DecisionInput, OperatorCommand } from './decision.ts';

/** The next batch of events for one cluster, or null when nothing is to be done now. */
export function decide(_input: DecisionInput): Decision | null {
  return null;
}

/** What an operator's command leads to. */
export function decideCommand(_input: DecisionInput, _command: OperatorCommand): CommandDecision {
  return { kind: 'refused', refusals: [] };
}
