import type { CommandDecision, DecisionInput, OperatorCommand } from '../../decision.ts';
import { eligibleCount } from '../candidates/candidates.ts';
import { refused } from '../refusal.ts';
import { failoverStarted } from './loss.ts';
import { whyNotPutBack } from './put-back.ts';

type Command = Extract<OperatorCommand, { type: 'failover' }>;

/**
 * An operator's failover: of a primary that is lost or sick. While one is blocked it is begun anew with
 * the operator's candidate and word on loss, for this one decision.
 */
export function decideOperatorFailover(input: DecisionInput, command: Command): CommandDecision {
  const { state } = input;
  const { lease, operation } = state;
  const { to, acceptLoss, copyAside } = command;
  const no = (rule: string, value: string, limit: string): CommandDecision =>
    refused(rule, value, limit, to);
  if (lease.kind === 'NeverGranted')
    return no('no-primary', 'never had one', 'a bootstrapped cluster');
  if (to !== null && state.members[to] === undefined) {
    return no('not-a-member', to, Object.keys(state.members).join(', '));
  }
  if (to === lease.holder && lease.kind === 'Held' && lease.serving) {
    return { kind: 'satisfied', why: `${to} is the primary already` };
  }
  if (state.following !== undefined) {
    const value = 'the cluster follows another';
    return no('standby-cluster', value, '`matriarch promote-cluster`');
  }
  if (operation.kind !== 'none' && operation.kind !== 'failover') {
    return no('busy', operation.kind, 'no other operation under way');
  }
  const blocked = operation.kind === 'failover' && lease.kind !== 'Held';
  if (copyAside === true) {
    const why = whyNotPutBack(input, command);
    if (why !== null) return { kind: 'refused', refusals: [why] };
  } else if (!blocked && eligibleCount(input, [lease.holder]) === 0) {
    return no('no-candidate', 'no standby can take over', 'at least one');
  }
  const lastKnown = operation.kind === 'failover' ? operation.lastKnown : undefined;
  const begun = failoverStarted(input, lease, 'operator', 0);
  const excluded = lease.kind === 'Held' && to !== lease.holder ? [lease.holder] : [];
  const event = {
    ...begun,
    lastKnown: lastKnown ?? begun.lastKnown,
    ...{ candidate: to, acceptLoss, excluded },
    ...(copyAside === true ? { copyAside } : {}),
  };
  return { kind: 'decided', decision: { rule: 'operator-failover', events: [event] } };
}
