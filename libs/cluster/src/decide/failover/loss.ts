/** Rules for the loss of the primary. */
import { epoch, timelineId } from '#libs/kernel';
import { leaseWaitMs } from '#libs/lease';
import type { Decision, DecisionInput } from '../../decision.ts';
import type { ClusterEvent } from '../../events.ts';
import type { FailoverTrigger } from '../../outage-events.ts';
import type { AgentReport } from '../../report.ts';
import type { ClusterSettings } from '../../settings.ts';
import type { ClusterState } from '../../state.ts';
import { firstSetting, keepsEveryCommit, synchronousOf } from '../../sync-set/standing-setting.ts';
import { eligibleCount } from '../candidates/candidates.ts';
import { promisedTo } from '../candidates/failsafe.ts';
import { canFence } from '../candidates/fencers.ts';
import { freshReport, isSilent, ourData } from '../sight.ts';

/** A directory that was not there, or could not be used, for this long is not mended within `restartInPlaceMs` either. */
const NO_DATA_MS = 1_000;

type Granted = Exclude<ClusterState['lease'], { kind: 'NeverGranted' }>;

/** The holder was silent for W: its right has surely ended, whatever it does (reference/raft.md 5.3). */
export function expireLease(input: DecisionInput): Decision | null {
  const { state, observations } = input;
  const { lease, operation } = state;
  if (lease.kind !== 'Held' || observations.lease?.expiryDue !== true) return null;
  // A failover that was begun already goes on: nobody who knows of it promises anew.
  if (operation.kind !== 'failover' && promisedTo(input).length > 0) return null;
  const silentMs = Math.round(observations.lease.silentMs);
  const waitMs = Math.round(leaseWaitMs(state.settings));
  const events: ClusterEvent[] = [{ type: 'LeaseExpired', epoch: lease.epoch, silentMs, waitMs }];
  if (operation.kind === 'failover' || state.paused) return { rule: 'expire-lease', events };
  if (operation.kind === 'demotion') {
    const reason = `the lease of ${lease.holder} expired`;
    events.push({ type: 'ClusterDemotionAbandoned', reason });
  }
  if (operation.kind === 'switchover') {
    const reason = `the lease of ${lease.holder} expired`;
    events.push({ type: 'SwitchoverAbandoned', reason });
  }
  events.push(failoverStarted(input, lease, 'lease-expired', silentMs));
  return { rule: 'expire-lease', events };
}

/**
 * PostgreSQL does not serve although its host lives: after its time somebody else takes over. One that
 * refuses connections (too many, wrong password) is running and no reason; neither is a crash recovery
 * that gets on. Where nobody else is fit, a full disk for one, it goes on trying.
 */
export function failOverDeadPostgres(input: DecisionInput): Decision | null {
  const { state } = input;
  const { lease, operation } = state;
  if (lease.kind !== 'Held' || operation.kind !== 'none' || state.paused) return null;
  const report = freshReport(input, lease.holder);
  if (report === null || !isGivenUp(sinceResumed(input, report), state.settings)) return null;
  if (eligibleCount(input, [lease.holder]) === 0) return null;
  // Nobody else surely has every commit: it goes on trying.
  if (keepsEveryCommit(state) && !canFence(input)) return null;
  const event = failoverStarted(input, lease, 'postgres-down', report.downForMs);
  // It had its time: it stands furthest of all, but is taken again only when nobody else can.
  const excluded = [lease.holder];
  return { rule: 'fail-over-dead-postgres', events: [{ ...event, excluded }] };
}

/** In a paused cluster nobody tried to start it: its time begins with the end of the pause. */
function sinceResumed({ observations }: DecisionInput, report: AgentReport): AgentReport {
  const { sinceResumedMs = report.downForMs } = observations;
  return { ...report, downForMs: Math.min(report.downForMs, sinceResumedMs) };
}

function isGivenUp({ postgres, downForMs }: AgentReport, settings: ClusterSettings): boolean {
  const { primaryCrashPolicy: policy, restartInPlaceMs, crashRecoveryStallMs } = settings;
  if (policy === 'restart') return false;
  if (postgres.kind === 'stopped') return policy === 'failover' || downForMs >= restartInPlaceMs;
  if (postgres.kind !== 'starting' || downForMs === 0) return false;
  if (policy === 'failover') return downForMs >= restartInPlaceMs;
  const stalledMs = postgres.stalledForMs ?? 0;
  return stalledMs >= Math.max(restartInPlaceMs, crashRecoveryStallMs);
}

/**
 * A released lease with no saga: the guard or its PostgreSQL died. In asynchronous mode the same
 * instance goes on in the next epoch, for a failover would lose what it has not sent yet; only when it
 * cannot, another takes over (corrections 1).
 */
export function restartInPlace(input: DecisionInput): Decision | null {
  const { state, observations } = input;
  const { lease, operation } = state;
  if (lease.kind === 'NeverGranted' || lease.kind === 'Held') return null;
  if (operation.kind !== 'none' || state.paused || state.following !== undefined) return null;
  const mayResume = lease.kind === 'Released' && lease.released !== 'shutdown';
  // A standby that has every commit serves sooner than a restart, and shows nothing unacknowledged.
  if (canFence(input)) {
    const event = failoverStarted(
      input,
      lease,
      'lease-released',
      Math.round(observations.sinceChangeMs),
    );
    return { rule: 'fail-over-released', events: [event] };
  }
  if (mayResume && canRestart(input, lease)) {
    return { rule: 'restart-in-place', events: [grantRestart(input, lease)] };
  }
  const waitedMs = observations.sinceChangeMs;
  const noData = waitedMs >= NO_DATA_MS && lacksData(input, lease);
  const hopeless = !mayResume || noData || isSilent(input, lease.holder);
  if (!hopeless && waitedMs < state.settings.restartInPlaceMs) return null;
  const trigger = lease.kind === 'Expired' ? 'lease-expired' : 'lease-released';
  const event = failoverStarted(input, lease, trigger, Math.round(waitedMs));
  return { rule: 'fail-over-released', events: [event] };
}

function canRestart(input: DecisionInput, lease: Granted): boolean {
  const report = freshReport(input, lease.holder);
  if (report === null || report.guard === null || report.postgres.kind !== 'stopped') return false;
  const present = presentTimeline(input, lease);
  return lease.timeline === present && ourData(input, report)?.timeline === present;
}

/** Its agent is heard, and finds nothing there that could be served. */
function lacksData(input: DecisionInput, lease: Granted): boolean {
  const report = freshReport(input, lease.holder);
  return report !== null && ourData(input, report) === null;
}

/** The timeline that the last primary wrote; before its first write the one it was granted. */
function presentTimeline(input: DecisionInput, lease: Granted): number {
  return input.state.history.at(-1)?.timeline ?? lease.timeline;
}

/** The next epoch for the last holder, on the timeline that it has. */
export function grantRestart(input: DecisionInput, lease: Granted): ClusterEvent {
  const report = freshReport(input, lease.holder);
  return {
    type: 'LeaseGranted',
    epoch: epoch(lease.epoch + 1),
    holder: lease.holder,
    guard: report?.guard?.incarnation ?? lease.guard,
    timeline: timelineId(presentTimeline(input, lease)),
    reason: 'restart',
    refusals: [],
    position: null,
    // Its files say so, and it is started with them.
    ...synchronousOf(input.state, input.state.sync?.ordered ?? firstSetting(input.state)),
  };
}

export function failoverStarted(
  input: DecisionInput,
  lease: Granted,
  trigger: FailoverTrigger,
  detectMs: number,
): Extract<ClusterEvent, { type: 'FailoverStarted' }> {
  return {
    type: 'FailoverStarted',
    epoch: lease.epoch,
    primary: lease.holder,
    trigger,
    lastKnown: input.observations.lastKnown,
    candidate: null,
    acceptLoss: false,
    excluded: [],
    detectMs,
  };
}
