/** Rules about the instance that holds the lease. */
import { instanceName } from '#libs/kernel';
import type { Decision, DecisionInput } from '../../decision.ts';
import type { ClusterEvent } from '../../events.ts';
import type { GrantReason } from '../../lease-events.ts';
import type { AgentReport } from '../../report.ts';
import type { ClusterState, Operation } from '../../state.ts';
import { eligibleCount } from '../candidates/candidates.ts';
import { asideOffers } from '../candidates/copy-aside.ts';
import { refuse } from '../refusal.ts';
import { freshReport, observed } from '../sight.ts';

type Held = Extract<ClusterState['lease'], { kind: 'Held' | 'Released' | 'Expired' | 'Fenced' }>;

/** Records that the holder accepts writes, and with it the end of the saga that led there. */
export function recordHolder(input: DecisionInput): Decision | null {
  const { state } = input;
  const { lease } = state;
  if (lease.kind !== 'Held' || lease.serving) return null;
  const report = freshReport(input, lease.holder);
  if (report === null || !serves(report, lease)) return null;
  const events = servingEvents(state, lease, report);
  if (events === null) return null;
  return { rule: 'record-serving', events: [...events, ...completion(input, lease)] };
}

/** Serves in this epoch: its guard holds it, and PostgreSQL is read-write on the granted timeline. */
export function serves(report: AgentReport, lease: Held): boolean {
  const { guard, postgres } = report;
  if (guard === null || guard.epoch !== lease.epoch || guard.incarnation !== lease.guard)
    return false;
  return postgres.kind === 'primary' && !postgres.readOnly && postgres.timeline === lease.timeline;
}

/**
 * One `Promoted` for each timeline of the holder's line that was never recorded: its own, and one that
 * it took in a promotion which ended before the leader heard of it. Null while the report's history
 * does not fit its timeline or the cluster's: it is heard again.
 */
function servingEvents(
  { history }: ClusterState,
  { epoch, holder: instance, timeline }: Held,
  { dataDirectory }: AgentReport,
): ClusterEvent[] | null {
  const known = new Set<number>(history.map((record) => record.timeline));
  if (known.has(timeline)) return [{ type: 'PrimaryResumed', epoch, instance }];
  if (dataDirectory.kind !== 'initialised' || dataDirectory.timeline !== timeline) return null;
  const { ancestors } = dataDirectory;
  if (history.length > 0 && !ancestors.some((ancestor) => known.has(ancestor.timeline)))
    return null;
  const line = [...ancestors.map((ancestor) => ancestor.timeline), timeline];
  return line.flatMap((id, position): ClusterEvent[] => {
    if (known.has(id)) return [];
    const parent = ancestors[position - 1];
    const fork = parent === undefined ? null : { from: parent.timeline, lsn: parent.forkLsn };
    return [{ type: 'Promoted', epoch, instance, timeline: id, fork }];
  });
}

function completion(input: DecisionInput, lease: Held): ClusterEvent[] {
  const { operation } = input.state;
  if (operation.kind !== 'failover' && operation.kind !== 'switchover') return [];
  const primary = lease.holder;
  const phasesMs = { ...operation.phasesMs, ...servingPhases(input, lease) };
  if (operation.kind === 'switchover') return [{ type: 'SwitchoverCompleted', primary, phasesMs }];
  const lostBytes = lostBytesOf(operation);
  return [{ type: 'FailoverCompleted', primary, phasesMs, lostBytes }];
}

/** Until the guard was heard to hold the epoch, and from then until PostgreSQL served. */
function servingPhases(input: DecisionInput, { holder, epoch }: Held): Record<string, number> {
  const { sinceChangeMs } = input.observations;
  const { held } = observed(input, holder);
  if (held?.epoch !== epoch) return { promote: Math.round(sinceChangeMs) };
  const promoteMs = Math.round(Math.min(held.ageMs, sinceChangeMs));
  return { grant: Math.round(sinceChangeMs) - promoteMs, promote: promoteMs };
}

/** Known position of the lost primary beyond the chosen one's; null where either is unknown. */
function lostBytesOf(operation: Extract<Operation, { kind: 'failover' }>): bigint | null {
  const { lastKnown, chosenAt } = operation;
  if (lastKnown === null || chosenAt === null || lastKnown.timeline !== chosenAt.timeline)
    return null;
  return lastKnown.lsn > chosenAt.lsn ? lastKnown.lsn - chosenAt.lsn : 0n;
}

const PROMOTIONS: readonly GrantReason[] = ['failover', 'switchover', 'cluster-promotion'];

/**
 * A promotion that lasts too long is withdrawn by a stop (safety 8), where somebody else could take
 * over; a restart in place is given its own limit by `failOverDeadPostgres`. A holder whose agent is
 * not heard may serve clients already: its writes are not thrown away on a guess (safety 24).
 */
export function withdrawPromotion(input: DecisionInput): Decision | null {
  const { state, observations } = input;
  const { lease, operation } = state;
  if (lease.kind !== 'Held' || lease.serving) return null;
  if (!PROMOTIONS.includes(lease.reason)) return null;
  if (operation.kind === 'failover' && operation.step === 'yielding') return null;
  if (observations.sinceChangeMs < state.settings.promoteTimeoutMs) return null;
  const holder = instanceName(lease.holder);
  if (freshReport(input, holder) === null) return null;
  const excluded = [...(operation.kind === 'failover' ? operation.excluded : []), holder];
  if (eligibleCount(input, excluded) === 0) {
    const offers = asideOffers(input, [holder], lastKnownIn(input));
    return offers.length === 0 ? null : refuse(input, 'failover', offers);
  }
  return {
    rule: 'withdraw-promotion',
    events: [
      {
        type: 'FailoverStarted',
        epoch: lease.epoch,
        primary: holder,
        trigger: 'promotion-failed',
        lastKnown: lastKnownIn(input),
        candidate: null,
        acceptLoss: operation.kind === 'failover' && operation.acceptLoss,
        excluded,
        detectMs: Math.round(observations.sinceChangeMs),
      },
    ],
  };
}

function lastKnownIn({ state: { operation }, observations }: DecisionInput) {
  return operation.kind === 'failover' ? operation.lastKnown : observations.lastKnown;
}
