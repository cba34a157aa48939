import { formatLsn } from '#libs/kernel';
import { leaseWaitMs } from '#libs/lease';
import type { RuleRefusal } from '../../rule-refusal.ts';
import { type ClusterState, memberNames, type Operation } from '../../state.ts';
import type { Candidate, Verdict } from '../candidates/candidates.ts';
import { presentProof } from '../sight.ts';

type Failover = Extract<Operation, { kind: 'failover' }>;

/**
 * Without any known position of the lost primary, lag cannot be computed. An operator decides, unless the old
 * primary itself takes part, or every other member does and streamed until the loss, so that the furthest of
 * all has what could be had (safety 18).
 */
export function positionUnknown(
  state: ClusterState,
  operation: Failover,
  verdicts: readonly Verdict[],
): RuleRefusal | null {
  if (operation.acceptLoss) return null;
  const others = memberNames(state).filter((name) => name !== operation.primary).length;
  const eligible = verdicts.flatMap((v) => (v.kind === 'eligible' ? [v.candidate] : []));
  if (eligible.some(({ member }) => member.name === operation.primary)) return null;
  const cutOff = eligible.filter((candidate) => !streamedUntilLoss(state, operation, candidate));
  if (eligible.length >= others && cutOff.length === 0) return null;
  const furthest = eligible.map(({ position }) => formatLsn(position.lsn)).join(', ');
  const names = cutOff.map(({ member }) => member.name).join(', ');
  const unseen = names === '' ? '' : `; not seen to stream until the loss: ${names}`;
  return {
    instance: null,
    rule: 'position-unknown',
    value: `primary's position never heard; candidates at ${furthest}${unseen}`,
    limit: 'a known position, all standbys present that streamed until the loss, or --accept-loss',
  };
}

/**
 * Whether its receiver was seen to stream, where the cluster's history ends, as long before it was detached
 * as a loss may lie back. What its agent does not tell, being older or started since, is not true.
 */
function streamedUntilLoss(
  state: ClusterState,
  operation: Failover,
  { report }: Candidate,
): boolean {
  const streamed = presentProof(state, report)?.streamed;
  if (streamed === undefined) return false;
  const last = state.history.at(-1)?.timeline;
  if (last !== undefined && streamed.timeline < last) return false;
  return streamed.beforeDetachMs <= lossToDetachMs(state, operation);
}

/**
 * How long ago the primary was lost, at most, when standbys were told to detach: it may have been silent for W
 * under the leader of before, which would else have failed over; half a minute without any leader is not
 * allowed for, a lease's length is. What this leader waited until it began, it knows; a holder that is to yield
 * does so within W, or its lease is over.
 */
function lossToDetachMs({ settings }: ClusterState, operation: Failover): number {
  const { phasesMs, startedAt, stepAt } = operation;
  const waitMs = leaseWaitMs(settings);
  const yieldedMs = Math.min(Math.max(0, stepAt - startedAt), waitMs);
  return (phasesMs['detect'] ?? 0) + yieldedMs + waitMs + settings.leaseTtlMs;
}
