import { epoch, formatLsn, type InstanceName } from '#libs/kernel';
import type { CommandDecision, Decision, DecisionInput } from '../../decision.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import { memberNames, type Operation } from '../../state.ts';
import { isSynchronous, standingSetting, synchronousOf } from '../../sync-set/standing-setting.ts';
import type { WalPosition } from '../../wal-position.ts';
import { isReadyToWait } from '../candidates/assurance.ts';
import { unfitness } from '../candidates/fitness.ts';
import { nextTimeline } from '../candidates/timelines.ts';
import { failoverStarted, grantRestart } from '../failover/loss.ts';
import { refused } from '../refusal.ts';
import { cannotBeFollowed } from '../replication/sender-capacity.ts';
import { freshReport, isSilent, ourData } from '../sight.ts';
import { decideStandbyLeader } from '../standby-cluster/standby-leader.ts';
import { whyItServesOn, whyNotCaughtUp, whyNotStopped } from './why-given-up.ts';

/** After the old primary has stopped, the target may need this long for the last bytes. */
const CATCH_UP_LIMIT_MS = 2_000;
/** Covers a checkpoint of a busy primary, which still serves meanwhile. */
const STOP_LIMIT_MS = 60_000;
/** A target further behind than this would hold up the stop. */
const TARGET_LAG_MAX_BYTES = 16_777_216n;

type Switchover = Extract<Operation, { kind: 'switchover' }>;

/** Starts a switchover, or says which rule stands against each standby. */
export function decideSwitchover(input: DecisionInput, to: InstanceName | null): CommandDecision {
  const { state } = input;
  const { lease } = state;
  if (state.following !== undefined) return decideStandbyLeader(input, to);
  if (lease.kind !== 'Held' || !lease.serving) {
    return refused('no-primary', lease.kind, 'a serving primary');
  }
  if (state.operation.kind !== 'none') {
    return refused('busy', state.operation.kind, 'no operation under way');
  }
  if (to === lease.holder) return { kind: 'satisfied', why: `${to} is the primary already` };
  if (to === null && state.paused) {
    return refused('paused', 'the cluster is paused', 'a target named with --to');
  }
  const names = to === null ? memberNames(state).filter((name) => name !== lease.holder) : [to];
  const verdicts = names.map((name) => ({ name, ...judgeTarget(input, name) }));
  const fit = verdicts.filter((verdict) => verdict.refusal === null);
  const best = fit.sort((a, b) => (a.lagBytes < b.lagBytes ? -1 : 1))[0];
  if (best === undefined) {
    const refusals = verdicts.flatMap(({ refusal }) => (refusal === null ? [] : [refusal]));
    return { kind: 'refused', refusals };
  }
  const event = {
    type: 'SwitchoverStarted',
    epoch: lease.epoch,
    from: lease.holder,
    to: best.name,
  } as const;
  return { kind: 'decided', decision: { rule: 'operator-switchover', events: [event] } };
}

function judgeTarget(
  input: DecisionInput,
  instance: InstanceName,
): { readonly refusal: RuleRefusal | null; readonly lagBytes: bigint } {
  const no = (rule: string, value: string, limit: string) => ({
    refusal: { instance, rule, value, limit },
    lagBytes: 0n,
  });
  const member = input.state.members[instance];
  if (member === undefined) return no('not-a-member', instance, 'a member of the cluster');
  const report = freshReport(input, instance);
  if (report === null) return no('not-heard', 'silent', 'a reporting agent');
  if (report.guard === null) return no('no-guard', 'not running', 'a running guard');
  const [unfit] = unfitness(input.state, instance, report, false);
  if (unfit !== undefined) return { refusal: unfit, lagBytes: 0n };
  if (ourData(input, report) === null) return no('foreign-data', 'another', "the cluster's data");
  const { postgres } = report;
  if (postgres.kind !== 'standby') return no('not-a-standby', postgres.kind, 'a running standby');
  if (postgres.receiver?.streaming !== true || postgres.receivedLsn === null) {
    return no('not-streaming', 'no WAL receiver', 'streaming from the primary');
  }
  if (isSynchronous(input.state) && !isReadyToWait(input.state, report, instance)) {
    return no('sync-setting', 'not in force', 'its own commits wait for other standbys');
  }
  const { lease } = input.state;
  if (lease.kind !== 'NeverGranted' && postgres.timeline !== lease.timeline) {
    return no('timeline', `timeline ${postgres.timeline}`, `timeline ${lease.timeline}`);
  }
  const known = input.observations.lastKnown;
  const lagBytes =
    known !== null && known.lsn > postgres.receivedLsn ? known.lsn - postgres.receivedLsn : 0n;
  if (lagBytes > TARGET_LAG_MAX_BYTES) {
    const value = `${lagBytes} bytes at ${formatLsn(postgres.receivedLsn)}`;
    return no('lag', value, `${TARGET_LAG_MAX_BYTES} bytes`);
  }
  return { refusal: cannotBeFollowed(input, instance, report), lagBytes };
}

/** Takes a running switchover on, or back: until the grant the old primary can always go on. */
export function watchSwitchover(input: DecisionInput): Decision | null {
  const { operation } = input.state;
  if (operation.kind !== 'switchover') return null;
  if (operation.step === 'stopping') return watchStop(input, operation);
  if (operation.step === 'catchingUp') return watchCatchUp(input, operation);
  return watchTarget(input, operation);
}

/** The target's lease ended before it served: what began as a switchover goes on as a failover. */
function watchTarget(input: DecisionInput, operation: Switchover): Decision | null {
  const { lease } = input.state;
  if (lease.kind === 'Held' || lease.kind === 'NeverGranted') return null;
  const reason = `${operation.to} lost epoch ${lease.epoch} before it served`;
  return {
    rule: 'fail-over-lost-target',
    events: [
      { type: 'SwitchoverAbandoned', reason },
      failoverStarted(input, lease, 'lease-released', 0),
    ],
  };
}

function watchStop(input: DecisionInput, operation: Switchover): Decision | null {
  const why = whyStopFailed(input, operation);
  if (why === null) return null;
  return { rule: 'abandon-switchover', events: [{ type: 'SwitchoverAbandoned', reason: why }] };
}

function whyStopFailed(input: DecisionInput, { from, to, epoch: of }: Switchover): string | null {
  const servesOn = whyItServesOn(input, from, of);
  if (servesOn !== null) return servesOn;
  if (isSilent(input, to)) return `${to} is not heard any more, and ${from} serves on`;
  return whyNotStopped(input, from, STOP_LIMIT_MS);
}

function watchCatchUp(input: DecisionInput, operation: Switchover): Decision | null {
  const { state, observations } = input;
  const { lease } = state;
  if (lease.kind === 'Held' || lease.kind === 'NeverGranted') return null;
  const report = freshReport(input, operation.to);
  // A position on another timeline than the one that was written proves nothing of the last bytes.
  const stoppedAt = operation.stoppedAt?.timeline === lease.timeline ? operation.stoppedAt : null;
  if (stoppedAt !== null && report?.postgres.kind === 'standby' && report.guard !== null) {
    const { receivedLsn } = report.postgres;
    const ready = !isSynchronous(state) || isReadyToWait(state, report, operation.to);
    if (ready && receivedLsn !== null && receivedLsn >= stoppedAt.lsn) {
      return {
        rule: 'grant-to-target',
        events: [
          {
            type: 'LeaseGranted',
            epoch: epoch(lease.epoch + 1),
            holder: operation.to,
            guard: report.guard.incarnation,
            timeline: nextTimeline(input),
            reason: 'switchover',
            refusals: [],
            ...synchronousOf(
              state,
              report.postgres.synchronous?.setting ?? standingSetting(state, operation.to),
            ),
            position: { timeline: stoppedAt.timeline, lsn: receivedLsn },
          },
        ],
      };
    }
  }
  const late = observations.sinceChangeMs > CATCH_UP_LIMIT_MS;
  if (!late && stoppedAt !== null && !isSilent(input, operation.to)) return null;
  return takeBack(input, operation, stoppedAt);
}

/** The old primary goes on in the next epoch; if it is not there now, `restartInPlace` decides. */
function takeBack(
  input: DecisionInput,
  operation: Switchover,
  stoppedAt: WalPosition | null,
): Decision | null {
  const { lease } = input.state;
  if (lease.kind === 'NeverGranted') return null;
  const reason = whyNotCaughtUp(input, operation, stoppedAt, CATCH_UP_LIMIT_MS);
  const abandoned = { type: 'SwitchoverAbandoned', reason } as const;
  const alive = freshReport(input, operation.from)?.guard != null;
  const next = alive && lease.released !== 'shutdown' ? [grantRestart(input, lease)] : [];
  return { rule: 'take-back-switchover', events: [abandoned, ...next] };
}
