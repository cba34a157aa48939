/** Failsafe as the leader sees it: whose promises keep the epoch, and who may not take over beside them. */
import type { InstanceName } from '#libs/kernel';
import type { Decision, DecisionInput } from '../../decision.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import { memberNames } from '../../state.ts';
import { freshReport, observed, presentProof } from '../sight.ts';

/** The holder's guard said that it knows of every member: whoever joined since may be promoted too. */
export function confirmFailsafeMembers(input: DecisionInput): Decision | null {
  const { state } = input;
  const { lease, failsafe } = state;
  if (lease.kind !== 'Held' || failsafe?.epoch !== lease.epoch) return null;
  const { guard } = observed(input, lease.holder);
  if (guard?.epoch !== lease.epoch || guard.incarnation !== lease.guard) return null;
  if (guard.failsafeVersion !== failsafe.version) return null;
  const members = memberNames(state);
  if (members.every((name) => failsafe.members.includes(name))) return null;
  const { epoch } = lease;
  return {
    rule: 'confirm-failsafe-members',
    events: [{ type: 'FailsafeMembersConfirmed', epoch, members }],
  };
}

/**
 * Members that have promised the holder of the epoch to take part in no failover. Each promise counts as
 * a renewal seen: the primary lives, although nobody here hears it.
 */
export function promisedTo(input: DecisionInput): InstanceName[] {
  const { state } = input;
  const { lease } = state;
  if (lease.kind === 'NeverGranted') return [];
  return memberNames(state).filter(
    (name) => freshReport(input, name)?.promise?.epoch === lease.epoch,
  );
}

/**
 * A member that the holder's guard may not know of was never asked for a promise. It may take over only
 * once somebody whom the guard does ask is detached: that one promises nothing any more.
 */
export function unknownToHolder(input: DecisionInput, name: InstanceName): RuleRefusal | null {
  const { lease, failsafe } = input.state;
  if (lease.kind === 'NeverGranted' || failsafe?.epoch !== lease.epoch) return null;
  if (lease.holder === name || failsafe.members.includes(name)) return null;
  const others = failsafe.members.filter((member) => member !== lease.holder);
  const isOver = others.some((member) => {
    const report = freshReport(input, member);
    const proof = report === null ? null : presentProof(input.state, report);
    return proof !== null && proof.throughEpoch >= lease.epoch;
  });
  if (isOver) return null;
  const value = `joined after ${lease.holder} was told whom to ask`;
  const limit = `one of ${others.join(', ') || 'nobody'} detached`;
  return { instance: name, rule: 'failsafe-unconfirmed', value, limit };
}
