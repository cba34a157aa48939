/** A primary that lives and does not serve: its guard renews, its PostgreSQL runs, and clients wait. */
import type { Decision, DecisionInput } from '../../decision.ts';
import type { AgentReport, PrimaryStall } from '../../report.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import { withDefaults } from '../../settings.ts';
import { type ClusterState, inMaintenance } from '../../state.ts';
import { keepsEveryCommit } from '../../sync-set/standing-setting.ts';
import { eligibleCount } from '../candidates/candidates.ts';
import { promisedTo } from '../candidates/failsafe.ts';
import { canFence } from '../candidates/fencers.ts';
import { FREE_BYTES_MIN } from '../candidates/fitness.ts';
import { flapBlock } from '../candidates/flap-block.ts';
import { refuse } from '../refusal.ts';
import { freshReport } from '../sight.ts';
import { failoverStarted } from './loss.ts';

/**
 * Begins a failover from a primary whose disk or postmaster hangs. It may come back by itself, so the
 * anti-flap window holds it up: two hosts on one storage that stalls must not be taken in turn. Its own
 * agent says so; one that hangs as well is for `acceptHandBack`.
 */
export function failOverHung(input: DecisionInput): Decision | null {
  const { state } = input;
  const { lease, operation } = state;
  if (lease.kind !== 'Held' || !lease.serving || operation.kind !== 'none' || state.paused) {
    return null;
  }
  const { holder } = lease;
  const report = freshReport(input, holder);
  if (report?.guard?.epoch !== lease.epoch || inMaintenance(state, holder)) return null;
  const hang = hangOf(report, state);
  if (hang === null || promisedTo(input).length > 0) return null;
  const why = whyNot(input, hang);
  if (why !== null) return refuse(input, 'failover', [{ ...why, instance: holder }]);
  const event = failoverStarted(input, lease, 'primary-hung', Math.round(hang.forMs));
  // Whatever it has left, nobody could be served from there.
  return { rule: 'fail-over-hung', events: [{ ...event, excluded: [holder] }] };
}

/**
 * The stall of a primary, when it is a hang: long enough, and none of what looks like one. A crash
 * recovery lets nobody in until it is through; a full disk refuses writes, says so, and is not better
 * served by a standby that fills next.
 */
export function hangOf(
  { stall, postgres, freeBytes }: AgentReport,
  { settings }: Pick<ClusterState, 'settings'>,
): PrimaryStall | null {
  const { hungPrimaryMs: limitMs } = withDefaults(settings);
  if (stall == null || limitMs === 0 || stall.forMs < limitMs) return null;
  if (postgres.kind !== 'primary' && postgres.kind !== 'unresponsive') return null;
  return freeBytes != null && freeBytes < FREE_BYTES_MIN ? null : stall;
}

function whyNot(input: DecisionInput, hang: PrimaryStall): Omit<RuleRefusal, 'instance'> | null {
  const { lease } = input.state;
  const holder = lease.kind === 'NeverGranted' ? [] : [lease.holder];
  const what = hang.of === 'wal-flush' ? 'no WAL gets to disk' : 'no connection is answered';
  const value = `${what} for ${Math.round(hang.forMs)} ms`;
  if (eligibleCount(input, holder) === 0) {
    return { rule: 'nobody-to-take-over', value, limit: 'a standby that may take over' };
  }
  if (keepsEveryCommit(input.state) && !canFence(input)) {
    const limit = 'enough synchronous standbys heard to prove every commit';
    return { rule: 'commits-not-assured', value, limit };
  }
  return flapBlock(input);
}

/**
 * The holder is to end whatever becomes of its agent, so the leader renews its lease no more. Processes
 * that wait for a hung disk cannot be ended, and a guard gives back only what it proved down (safety 1);
 * killed ones never acknowledge again, though, and the lease ends by itself.
 */
export function isWithdrawn({ lease, operation }: ClusterState): boolean {
  if (lease.kind !== 'Held' || operation.kind !== 'failover') return false;
  if (operation.step === 'promoting' || operation.epoch !== lease.epoch) return false;
  const { trigger, step } = operation;
  return trigger === 'primary-hung' || (trigger === 'operator' && step === 'yielding');
}
