import {
  type ClusterState,
  type Following,
  flapWindowMs,
  type Goal,
  goalOf,
  isArchive,
  remoteText,
  type Standing,
} from '#libs/cluster';
import { bytesText, type InstanceName, instanceName, unreachable } from '#libs/kernel';
import { copiesAsideOf } from './copy-aside-text.ts';
import { type Heard, LISTENS_EVER, type ListeningForMs } from './heard.ts';
import { operationText } from './operation-text.ts';
import { positionToken } from './remote-text.ts';
import type { ExplainAnswer, InstanceView } from './status.ts';
import { clusterViewOf, seenDown } from './view-of.ts';

/** Why the cluster is as it is: what is under way, each instance's goal, and what refused last. */
export function explainOf(
  state: ClusterState,
  heard: ReadonlyMap<InstanceName, Heard>,
  standings: readonly Standing[] = [],
  listeningForMs: ListeningForMs = LISTENS_EVER,
): ExplainAnswer {
  const view = clusterViewOf(state, heard, listeningForMs);
  const { lastRefusal } = state;
  return {
    cluster: state.name,
    summary: summaryOf(state, heard),
    instances: view.instances.map((instance) => ({
      name: instance.name,
      goal: goalText(goalOf(state, instanceName(instance.name))),
      condition: conditionText(instance),
      problem: instance.problem,
      candidate: candidateOf(standings.find((each) => each.instance === instance.name)),
    })),
    lastRefusal:
      lastRefusal === null
        ? null
        : {
            action: lastRefusal.action,
            at: lastRefusal.at,
            refusals: lastRefusal.refusals.map((refusal) => ({ ...refusal })),
          },
  };
}

function candidateOf(
  standing: Standing | undefined,
): ExplainAnswer['instances'][number]['candidate'] {
  if (standing === undefined) return null;
  const { refusals, lagBytes, failoverPriority, zone, remarks } = standing;
  return {
    eligible: refusals.length === 0,
    refusals: refusals.map((refusal) => ({ ...refusal })),
    lagBytes: lagBytes?.toString() ?? null,
    ...{ failoverPriority, zone, remarks: [...remarks] },
  };
}

function flapText({ flapWindow }: ClusterState): string {
  if (flapWindow == null || flapWindow.closed) return '';
  const minutes = flapWindowMs(flapWindow) / 60_000;
  return (
    `; for ${minutes} min after failover ${flapWindow.outage} from ${flapWindow.failed} a primary that ` +
    'can still serve is not failed over, unless all standbys stream or `matriarch acknowledge` is given'
  );
}

/** A pause is the operator's word that they are at work on it. */
const NOBODY_STARTS =
  ', and in a pause nobody starts or replaces it: `matriarch resume`, or `matriarch failover`';

/** Where the first data comes from, and for whom that waits. */
function beginningText({ postgres, members }: ClusterState): string {
  const { adopt, source } = postgres.bootstrap ?? {};
  if (adopt !== undefined) {
    const absent = adopt.filter((name) => members[name] === undefined);
    const waits = absent.length === 0 ? '' : `; not heard yet: ${absent.join(', ')}`;
    return `the data of ${adopt.join(', ')} is taken over once all their agents are heard${waits}`;
  }
  if (source != null) return `the first one that joins restores a backup by ${source.tool}`;
  return 'the first one that joins initialises the cluster';
}

function summaryOf(state: ClusterState, heard: ReadonlyMap<InstanceName, Heard>): string {
  const paused = `${state.paused ? '; automatic decisions are paused' : ''}${flapText(state)}`;
  const operation = operationText(state.operation);
  const offers = copiesAsideOf(state).map(({ text, order }) => `; ${text} \`${order}\``);
  if (operation !== null) return `${operation}${offers.join('')}${paused}`;
  const { lease, following } = state;
  if (following !== undefined) return `${followingText(following)}${paused}`;
  if (lease.kind === 'NeverGranted') {
    return `no instance was ever primary: ${beginningText(state)}${paused}`;
  }
  const of = `epoch ${lease.epoch} of ${lease.holder}`;
  switch (lease.kind) {
    case 'Held':
      if (lease.serving && seenDown(lease.holder, heard) !== null) {
        return `${of}: its PostgreSQL is ${seenDown(lease.holder, heard)}${state.paused ? NOBODY_STARTS : ''}${paused}`;
      }
      return lease.serving
        ? `${lease.holder} is primary in epoch ${lease.epoch}${paused}`
        : `${of} is granted, but it does not accept writes yet${paused}`;
    case 'Released':
      return `${of} was given back and no other is granted yet${paused}`;
    case 'Expired':
      return `${of} expired and no other is granted yet${paused}`;
    case 'Fenced':
      return `${of} is fenced${paused}`;
    default:
      return unreachable(lease);
  }
}

function followingText({ remote, leader, stoppedAt }: Following): string {
  const does = isArchive(remote) ? 'replays' : 'streams';
  const who = leader === null ? `no instance is chosen yet that ${does}` : `${leader} ${does}`;
  const end = stoppedAt === null ? '' : `; it stopped writing at ${positionToken(stoppedAt)}`;
  return `a standby cluster: ${who} from ${remoteText(remote)}, nobody may write before \`matriarch promote-cluster\`${end}`;
}

/** What an instance should be, in words. */
export function goalText(goal: Goal): string {
  switch (goal.kind) {
    case 'wait':
      return `waits: ${goal.why}`;
    case 'initialise':
      return 'creates the first data directory';
    case 'primary':
      return `accepts writes in epoch ${goal.epoch} on timeline ${goal.timeline}`;
    case 'handOver':
      return `stops within ${goal.stopBudgetMs} ms and hands epoch ${goal.epoch} over to ${goal.to}`;
    case 'yield':
      return `stops and gives epoch ${goal.epoch} back`;
    case 'detached':
      return `receives nothing from a primary of epoch ${goal.throughEpoch} or before`;
    case 'standby':
      if (goal.remote !== undefined) {
        const from = remoteText(goal.remote);
        return isArchive(goal.remote)
          ? `replays ${from}, and the others stream from it`
          : `streams from the remote primary ${from}, for the others too`;
      }
      if (goal.upstream === null) return `replays an archive on timeline ${goal.timeline}`;
      return `streams from ${goal.upstream.name} on timeline ${goal.timeline}`;
    default:
      return unreachable(goal);
  }
}

function conditionText(instance: InstanceView): string {
  const { state, timeline, lsn, lagBytes, receivingFrom, activity, agent } = instance;
  const silent =
    agent.heardAgeMs === null ? 'no report' : `last report ${Math.round(agent.heardAgeMs)} ms ago`;
  const parts = [
    state === 'silent' ? `silent, ${silent}` : state === 'unheard' ? 'not heard yet' : state,
    receivingFrom === null ? null : `from ${receivingFrom}`,
    timeline === null ? null : `timeline ${timeline}`,
    lsn === null ? null : `at ${lsn}`,
    lagBytes === null || lagBytes === '0' ? null : `${bytesText(BigInt(lagBytes))} behind`,
    activity,
  ];
  return parts.filter((part) => part !== null).join(', ');
}
