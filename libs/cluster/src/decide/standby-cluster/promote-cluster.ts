/** A standby cluster begins to write, as a whole: without loss when it is known where the last writer stopped. */
import { epoch, type InstanceName, maxLsn, timelineId } from '#libs/kernel';
import type { CommandDecision, DecisionInput, OperatorCommand } from '../../decision.ts';
import { followedArchive } from '../../remote/following.ts';
import { latestOf, pairedWith } from '../../remote/pair.ts';
import type { Following } from '../../remote/remote.ts';
import type { AgentReport } from '../../report.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import type { ClusterState } from '../../state.ts';
import { isSynchronous, standingSetting, synchronousOf } from '../../sync-set/standing-setting.ts';
import type { WalPosition } from '../../wal-position.ts';
import { isReadyToWait } from '../candidates/assurance.ts';
import { freshReport, ourData } from '../sight.ts';
import { positionText } from './standby-leader.ts';

/** The other cluster may give out ids meanwhile that nobody here hears of (safety 3). */
const TIMELINES_LEFT_FREE = 15;

type Command = Extract<OperatorCommand, { type: 'promoteCluster' }>;
type Leader = { readonly report: AgentReport; readonly received: WalPosition };

export function decidePromoteCluster(input: DecisionInput, command: Command): CommandDecision {
  const { state } = input;
  const { following } = state;
  if (following === undefined) return { kind: 'satisfied', why: 'it follows nobody' };
  const pair = pairedWith(state, input.others ?? []);
  const lastWritten = lastWrittenOf(following, pair, command);
  const leader = leaderOf(input, following);
  const refusal =
    whyOthersForbid(pair) ??
    ('rule' in leader ? leader : whyIncomplete(state, leader.received, lastWritten, command));
  if (refusal !== null || 'rule' in leader) {
    return { kind: 'refused', refusals: refusal === null ? [] : [refusal] };
  }
  return promoted(state, leader, pair, lastWritten, command);
}

/** No word of an operator overrides this: the others are known, and one demotion ends it. */
function whyOthersForbid(pair: readonly ClusterState[]): RuleRefusal | null {
  const writing = pair.find((other) => other.following === undefined);
  if (writing === undefined) return null;
  const { name, lease } = writing;
  const value =
    lease.kind === 'Held' ? `${lease.holder} of ${name} holds epoch ${lease.epoch}` : name;
  return no('other-cluster-writes', value, `\`matriarch demote-cluster ${name}\` first`);
}

/**
 * Where writing ended, as far as that is known: an operator's word, or what the demotions of the pair
 * recorded. This cluster's own end alone does not say whether the other one has written since, and one
 * that was demoted without a primary told nothing of the timeline that it was lost on.
 */
function lastWrittenOf(
  own: Following,
  pair: readonly ClusterState[],
  { lastWritten: told }: Command,
): WalPosition | null {
  if (pair.length === 0 && told === null) return null;
  const all = [own, ...pair.flatMap(({ following }) => following ?? [])];
  const latest = latestOf([...all.map(({ stoppedAt }) => stoppedAt), told]);
  if (told !== null || latest === null) return latest;
  return all.some(({ lostOn = 0 }) => lostOn >= latest.timeline) ? null : latest;
}

function whyIncomplete(
  state: ClusterState,
  received: WalPosition,
  lastWritten: WalPosition | null,
  { acceptUnknown }: Command,
): RuleRefusal | null {
  if (acceptUnknown) return null;
  if (lastWritten === null) {
    const value =
      'whether the other cluster still writes, and how far it wrote, cannot be known from here';
    const limit =
      'demote it first and give --last-written as it said, or --yes when it is surely gone';
    return no('other-cluster-unknown', value, limit);
  }
  const has = received.timeline === lastWritten.timeline && received.lsn >= lastWritten.lsn;
  // On a later timeline of the remote, which left the other one no earlier, everything is there as well.
  const passed = state.history.some(
    ({ fork }) => fork?.from === lastWritten.timeline && fork.lsn >= lastWritten.lsn,
  );
  if (has || (passed && received.timeline > lastWritten.timeline)) return null;
  const comes =
    followedArchive(state) === null
      ? ''
      : ', which comes with the last segment that the other cluster archives';
  const limit = `${positionText(lastWritten)}, the end of what was written${comes}; --yes gives up the rest`;
  return no('wal-missing', positionText(received), limit);
}

function leaderOf(input: DecisionInput, { leader }: Following): Leader | RuleRefusal {
  const { state } = input;
  if (leader === null) return no('no-standby-leader', 'none is chosen yet', 'a standby leader');
  const report = freshReport(input, leader);
  const of = (rule: string, value: string, limit: string) => no(rule, value, limit, leader);
  if (report === null) return of('not-heard', 'silent', 'a reporting agent');
  if (report.guard === null) return of('no-guard', 'not running', 'a running guard');
  if (ourData(input, report) === null) return of('foreign-data', 'another', "the cluster's data");
  const { postgres } = report;
  if (postgres.kind !== 'standby') return of('not-a-standby', postgres.kind, 'a running standby');
  const { timeline, receivedLsn, replayedLsn } = postgres;
  if (timeline !== state.history.at(-1)?.timeline) {
    return of('timeline', `timeline ${timeline}`, 'one that is recorded: try again');
  }
  if (isSynchronous(state) && !isReadyToWait(state, report, leader)) {
    return of('sync-setting', 'not in force', 'its own commits wait for other standbys');
  }
  const lsn = receivedLsn === null ? replayedLsn : maxLsn(receivedLsn, replayedLsn ?? receivedLsn);
  if (lsn === null) return of('no-position', 'nothing replayed yet', 'a position');
  return { report, received: { timeline, lsn } };
}

function promoted(
  state: ClusterState,
  { report, received }: Leader,
  pair: readonly ClusterState[],
  lastWritten: WalPosition | null,
  { acceptUnknown }: Command,
): CommandDecision {
  const { lease, highestTimeline } = state;
  const { instance, guard, postgres } = report;
  if (guard === null || postgres.kind !== 'standby') return { kind: 'refused', refusals: [] };
  const apart = lastWritten === null || acceptUnknown ? TIMELINES_LEFT_FREE : 0;
  const others = pair.map(({ name }) => name);
  const setting = postgres.synchronous?.setting ?? standingSetting(state, instance);
  return {
    kind: 'decided',
    decision: {
      rule: 'operator-promote-cluster',
      events: [
        { type: 'ClusterPromoted', instance, received, others, lastWritten, acceptUnknown },
        {
          type: 'LeaseGranted',
          epoch: epoch(lease.kind === 'NeverGranted' ? 1 : lease.epoch + 1),
          holder: instance,
          guard: guard.incarnation,
          timeline: timelineId(highestTimeline + 1 + apart),
          reason: 'cluster-promotion',
          refusals: [],
          position: received,
          ...synchronousOf(state, setting),
        },
      ],
    },
  };
}

function no(
  rule: string,
  value: string,
  limit: string,
  instance: InstanceName | null = null,
): RuleRefusal {
  return { instance, rule, value, limit };
}
