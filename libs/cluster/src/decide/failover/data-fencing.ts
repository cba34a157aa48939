/** Failover without waiting for the lease: commits need standbys, and those are taken away (safety 5). */
import type { Decision, DecisionInput } from '../../decision.ts';
import { type ClusterState, memberNames } from '../../state.ts';
import { quorumOf } from '../../sync-set/admit-sync.ts';
import { fencersNeeded } from '../../sync-set/quorum.ts';
import { promisedTo } from '../candidates/failsafe.ts';
import { canFence, fencersOf, reliedMembers } from '../candidates/fencers.ts';
import { flapBlock } from '../candidates/flap-block.ts';
import { refuse } from '../refusal.ts';
import { freshReport, hasHeardEnough, observed } from '../sight.ts';
import { chooseCandidate } from './failover.ts';
import { grantAfter } from './grant-after.ts';
import { failoverStarted } from './loss.ts';

type Granted = Exclude<ClusterState['lease'], { kind: 'NeverGranted' }>;

/**
 * Begins a failover when the primary is lost and enough members of the set are there to fence it: at
 * once when its PostgreSQL is surely down, else when renewals are missing and the probes agree.
 */
export function suspectPrimary(input: DecisionInput): Decision | null {
  const { state, observations } = input;
  const { lease, operation } = state;
  if (lease.kind !== 'Held' || !lease.serving || operation.kind !== 'none' || state.paused) {
    return null;
  }
  const downForMs = downFor(input, lease);
  const silentMs = observations.lease?.silentMs ?? 0;
  // Asked first: most of the time all is well.
  if (downForMs === null && silentMs < state.settings.suspectAfterMs) return null;
  const lost = downForMs === null ? lease.holder : null;
  if (!hasHeardEnough(input, lost) || !canFence(input)) return null;
  if (promisedTo(input).length > 0) return null;
  if (downForMs !== null) {
    if (state.settings.primaryCrashPolicy === 'restart') return null;
    // An operator's restart of the primary is no loss of it.
    if (state.restart?.current?.instance === lease.holder) return null;
    const event = failoverStarted(input, lease, 'postgres-down', downForMs);
    // It may have been restarted in place meanwhile: a standby is at least as far in what counts.
    return { rule: 'fail-over-down', events: [{ ...event, excluded: [lease.holder] }] };
  }
  if (!isUnreachable(input, lease)) return null;
  // It may serve and be cut off for a moment: within the window its lease is waited for (safety 23).
  const block = flapBlock(input);
  if (block !== null) return refuse(input, 'failover', [{ ...block, instance: lease.holder }]);
  const event = failoverStarted(input, lease, 'primary-unreachable', Math.round(silentMs));
  return { rule: 'suspect-primary', events: [event] };
}

/** Its guard proved that no process of the instance is left (safety 1). */
function downFor(input: DecisionInput, { holder, epoch, guard: held }: Granted): number | null {
  const { guard } = observed(input, holder);
  const { suspectAfterMs } = input.state.settings;
  const told =
    guard?.incarnation === held && guard.epoch === epoch && guard.ageMs <= suspectAfterMs;
  if (told && guard.postmaster === 'down') return Math.round(guard.ageMs);
  const report = freshReport(input, holder);
  if (report?.guard?.incarnation !== held || report.postgres.kind !== 'stopped') return null;
  return Math.round(report.downForMs);
}

/**
 * The second signal is active (safety 19): standbys' agents called guard, agent and PostgreSQL of the
 * primary and got no answer. Where a majority of them reaches it, its lease is waited for.
 */
function isUnreachable(input: DecisionInput, { holder, epoch }: Granted): boolean {
  const { suspectAfterMs } = input.state.settings;
  const looks = memberNames(input.state).flatMap((name) => {
    const probes = name === holder ? null : freshReport(input, name)?.probes;
    if (probes === null || probes === undefined) return [];
    if (probes.epoch !== epoch || probes.primaryInstance !== holder) return [];
    const ageMs = probes.ageMs + (observed(input, name).reportAgeMs ?? 0);
    if (ageMs > suspectAfterMs) return [];
    const { guardAnswered, agentAnswered, postgresAnswered, receiverReset } = probes;
    const answered = guardAnswered || agentAnswered || postgresAnswered;
    return [{ name, reached: answered && !receiverReset }];
  });
  const reached = looks.filter((look) => look.reached).length;
  const failed = new Set(looks.filter((look) => !look.reached).map((look) => look.name));
  const relied = reliedMembers(input).filter(({ instance }) => failed.has(instance));
  const needed = fencersNeeded(quorumOf(input.state.sync?.committed ?? null));
  return relied.length >= needed && reached * 2 <= looks.length;
}

/** Ends the epoch once no commit can be acknowledged in it any more. */
export function fenceByData(input: DecisionInput): Decision | null {
  const { state } = input;
  const { lease, operation, sync } = state;
  if (operation.kind !== 'failover' || operation.step !== 'detaching') return null;
  if (lease.kind !== 'Held' || sync?.epoch !== lease.epoch) return null;
  if (state.paused && operation.trigger !== 'operator') return null;
  const fencers = fencersOf(input);
  if (fencers.length < fencersNeeded(quorumOf(sync.committed))) return null;
  const members = fencers.map(({ instance, name, position }) => ({ instance, name, position }));
  const fenced = { type: 'LeaseFenced', epoch: lease.epoch, members } as const;
  return { rule: 'fence-by-data', events: [fenced, ...grantAfter(input, fenced, chooseCandidate)] };
}
