import type { Decision, DecisionInput } from '../../decision.ts';
import type { ClusterEvent } from '../../events.ts';
import type { GuardObservation } from '../../observations.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import type { Operation } from '../../state.ts';
import { eligibleCount } from '../candidates/candidates.ts';
import { flapBlock } from '../candidates/flap-block.ts';
import { refuse } from '../refusal.ts';
import { freshReport, observed } from '../sight.ts';
import { failoverStarted } from './loss.ts';

/**
 * The guard of a primary renews for itself, also when its agent is gone for good. After `agentAbsenceMs`
 * that counts as an offer to hand the lease back; it is taken only when somebody with a live agent can
 * take over, and not while agents of other clusters are missing too, or vanished about when this one did: an expired certificate or a bad
 * release would otherwise stop every primary there is (safety 21). Where PostgreSQL is down as well, nothing
 * is lost by it, and the wait is that of a restart in place, which nobody is left to make.
 */
export function acceptHandBack(input: DecisionInput): Decision | null {
  const { state, observations } = input;
  const { lease, operation, settings } = state;
  if (lease.kind !== 'Held' || state.paused || !mayBegin(operation)) return null;
  const guard = heardGuard(input, lease);
  if (guard === null || freshReport(input, lease.holder) !== null) return null;
  const isDown = guard.postmaster === 'down';
  const { agentAbsenceMs, restartInPlaceMs } = settings;
  const limitMs = isDown ? Math.min(restartInPlaceMs, agentAbsenceMs) : agentAbsenceMs;
  if (guard.agentAbsentMs < limitMs) return null;
  const refused = (rule: string, limit: string): Decision | null => {
    const value = `the agent of ${lease.holder} is gone for ${guard.agentAbsentMs} ms`;
    const refusal: RuleRefusal = { instance: lease.holder, rule, value, limit };
    return refuse(input, 'hand-back', [refusal]);
  };
  if (eligibleCount(input, [lease.holder]) === 0) {
    return refused('nobody-to-take-over', 'a standby that may take over, with a live agent');
  }
  const elsewhere = observations.agentsAbsentElsewhere ?? null;
  if (!isDown && elsewhere !== null) {
    return refused('agents-absent-elsewhere', `no other cluster without agents (${elsewhere} is)`);
  }
  const vanished = observations.agentsVanishedElsewhere;
  if (!isDown && vanished !== undefined && vanished.apartMs <= agentAbsenceMs) {
    const limit = `none of another cluster gone within ${agentAbsenceMs} ms of it (${vanished.cluster} lost one)`;
    return refused('agents-absent-elsewhere', limit);
  }
  const block = isDown ? null : flapBlock(input);
  if (block !== null) return refuse(input, 'hand-back', [block]);
  const started = failoverStarted(input, lease, 'agent-absent', guard.agentAbsentMs);
  return { rule: 'accept-hand-back', events: [goOnWith(operation, started)] };
}

/** True for a lease that its guard, having no agent, is to give back by itself. */
export function isHandedBack({ lease, operation }: DecisionInput['state']): boolean {
  return (
    lease.kind === 'Held' &&
    operation.kind === 'failover' &&
    operation.step === 'yielding' &&
    operation.trigger === 'agent-absent'
  );
}

/** Also a promotion whose agent died in the middle of it has nobody else to end it. */
function mayBegin(operation: Operation): boolean {
  if (operation.kind === 'none') return true;
  if (operation.kind === 'bootstrap' || operation.kind === 'demotion') return false;
  return operation.step === 'promoting';
}

function heardGuard(
  input: DecisionInput,
  lease: Extract<DecisionInput['state']['lease'], { guard: unknown }>,
): GuardObservation | null {
  const { guard } = observed(input, lease.holder);
  if (guard === null || guard.ageMs > input.state.settings.suspectAfterMs) return null;
  return guard.incarnation === lease.guard && guard.epoch === lease.epoch ? guard : null;
}

type Started = Extract<ClusterEvent, { type: 'FailoverStarted' }>;

/** What this outage knew already is not forgotten. */
function goOnWith(operation: Operation, started: Started): Started {
  if (operation.kind !== 'failover') return started;
  const { lastKnown, acceptLoss, excluded } = operation;
  return { ...started, lastKnown, acceptLoss, excluded };
}
