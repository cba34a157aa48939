/** Who of a cluster that follows another streams from there, and what of the remote's history it has. */
import { formatLsn, type InstanceName, type Lsn, lsnOf } from '#libs/kernel';
import type { CommandDecision, Decision, DecisionInput } from '../../decision.ts';
import type { ClusterEvent } from '../../events.ts';
import { rebuildOrderOf } from '../../rebuild/order-of.ts';
import type { AgentReport, DataDirectory } from '../../report.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import {
  type ClusterState,
  lastHolder,
  lineage,
  memberNames,
  type TimelineRecord,
} from '../../state.ts';
import type { WalPosition } from '../../wal-position.ts';
import { unfitness } from '../candidates/fitness.ts';
import { refuse } from '../refusal.ts';
import { freshReport, hasHeardEnough, isSilent, observed, ourData } from '../sight.ts';

type Initialised = Extract<DataDirectory, { kind: 'initialised' }>;
type Standing = {
  readonly instance: InstanceName;
  readonly at: WalPosition;
  readonly runs: boolean;
};

/**
 * Chooses the standby leader, and another when it is lost. Nobody may write meanwhile whoever it is, so
 * two that think so for a moment do no harm: no lease and no proof is needed.
 */
export function chooseStandbyLeader(input: DecisionInput): Decision | null {
  const { state } = input;
  const { following, systemIdentifier, operation, paused } = state;
  if (following === undefined || systemIdentifier === null || operation.kind !== 'none')
    return null;
  const { leader } = following;
  if ((paused && leader !== null) || !hasHeardEnough(input)) return null;
  const reason =
    leader === null ? 'the cluster follows another from now on' : whyLost(input, leader);
  if (reason === null) return null;
  const judged = memberNames(state)
    .sort()
    .map((name) => judge(input, name));
  const fit = judged.flatMap((one) => ('rule' in one ? [] : [one]));
  const [best] = fit.sort((a, b) => compare(state, a, b));
  if (best === undefined) {
    const refusals = judged.flatMap((one) => ('rule' in one ? [one] : []));
    return refuse(input, 'standby-leader', refusals);
  }
  if (best.instance === leader) return null;
  const { instance, at: position } = best;
  const event = { type: 'StandbyLeaderChosen', instance, reason, position } as const;
  return { rule: 'choose-standby-leader', events: [event] };
}

/** An operator moves the leadership within the standby cluster; nothing stops for it. */
export function decideStandbyLeader(
  input: DecisionInput,
  to: InstanceName | null,
): CommandDecision {
  const { state } = input;
  const leader = state.following?.leader ?? null;
  if (to !== null && to === leader) {
    return { kind: 'satisfied', why: `${to} is the standby leader already` };
  }
  const names = to === null ? memberNames(state).filter((name) => name !== leader) : [to];
  const judged = names.sort().map((name) => judge(input, name));
  const fit = judged.flatMap((one) => ('rule' in one ? [] : [one]));
  const [best] = fit.sort((a, b) => compare(state, a, b));
  if (best === undefined) {
    return { kind: 'refused', refusals: judged.flatMap((one) => ('rule' in one ? [one] : [])) };
  }
  const { instance, at: position } = best;
  const reason = 'an operator ordered it';
  const event = { type: 'StandbyLeaderChosen', instance, reason, position } as const;
  return { kind: 'decided', decision: { rule: 'operator-standby-leader', events: [event] } };
}

/** What only passes (a restart of its agent, a receiver that reconnects) is no loss. */
function whyLost(input: DecisionInput, leader: InstanceName): string | null {
  const { state, observations } = input;
  if (state.members[leader] === undefined) return `${leader} is a member no more`;
  const { leaseTtlMs, restartInPlaceMs } = state.settings;
  const report = freshReport(input, leader);
  if (report === null) {
    const silentMs = observed(input, leader).reportAgeMs ?? observations.servingForMs;
    return isSilent(input, leader) && silentMs >= leaseTtlMs ? `${leader} is not heard` : null;
  }
  const [unfit] = unfitness(state, leader, report, false);
  if (unfit !== undefined) return `${leader}: ${unfit.rule}`;
  if (report.rebuild?.wants != null || rebuildOrderOf(state, leader) !== null) {
    return `the data of ${leader} is to be built anew`;
  }
  const { kind } = report.postgres;
  if (kind === 'standby') return whyPassed(input, leader, report);
  return downFor(input, report) < restartInPlaceMs ? null : `PostgreSQL of ${leader} is ${kind}`;
}

/** Another has a timeline that the leader lacks, and gets from nobody any more: the remote may be gone for good. */
function whyPassed(input: DecisionInput, leader: InstanceName, report: AgentReport): string | null {
  const { state, observations } = input;
  const streams =
    report.postgres.kind === 'standby' && report.postgres.receiver?.streaming === true;
  if (streams || observations.sinceChangeMs < state.settings.restartInPlaceMs) return null;
  const own = judge(input, leader);
  if ('rule' in own) return null;
  for (const name of memberNames(state)) {
    const other = judge(input, name);
    if ('rule' in other || !other.runs) continue;
    if (generation(state, other.at) <= generation(state, own.at)) continue;
    return `${leader} streams from nobody and lacks timeline ${other.at.timeline}, which ${name} has`;
  }
  return null;
}

/** An agent that was started after PostgreSQL ended never saw it serve: then the last change counts. */
function downFor({ observations }: DecisionInput, { downForMs }: AgentReport): number {
  const { sinceChangeMs, servingForMs } = observations;
  return downForMs > 0 ? downForMs : Math.min(sinceChangeMs, servingForMs);
}

function judge(input: DecisionInput, instance: InstanceName): Standing | RuleRefusal {
  const { state } = input;
  const no = (rule: string, value: string, limit: string) => ({ instance, rule, value, limit });
  const report = freshReport(input, instance);
  if (report === null) return no('not-heard', 'silent', 'a reporting agent');
  if (report.guard === null) return no('no-guard', 'not running', 'a running guard');
  const [unfit] = unfitness(state, instance, report, false);
  if (unfit !== undefined) return unfit;
  const directory = ourData(input, report);
  if (directory === null) return no('no-data', report.dataDirectory.kind, "the cluster's data");
  if (report.rebuild?.wants != null || rebuildOrderOf(state, instance) !== null) {
    return no('rebuilding', report.rebuild?.wants ?? 'ordered', 'data that can be followed with');
  }
  const runs = report.postgres.kind === 'standby';
  return { instance, at: positionOf(report, directory), runs };
}

function positionOf({ postgres }: AgentReport, directory: Initialised): WalPosition {
  const atRest = directory.walEnd ?? { timeline: directory.timeline, lsn: lsnOf(0n) };
  if (postgres.kind !== 'standby') return atRest;
  const { timeline, receivedLsn, replayedLsn } = postgres;
  return { timeline, lsn: later(receivedLsn, replayedLsn) };
}

function later(a: Lsn | null, b: Lsn | null): Lsn {
  if (a === null || b === null) return a ?? b ?? lsnOf(0n);
  return a > b ? a : b;
}

/** The furthest; among equals the one that was primary last, then one that runs, then by priority. */
function compare(state: ClusterState, a: Standing, b: Standing): number {
  const [ofA, ofB] = [generation(state, a.at), generation(state, b.at)];
  if (ofA !== ofB) return ofB - ofA;
  if (a.at.lsn !== b.at.lsn) return a.at.lsn > b.at.lsn ? -1 : 1;
  const last = lastHolder(state);
  if ((a.instance === last) !== (b.instance === last)) return a.instance === last ? -1 : 1;
  if (a.runs !== b.runs) return a.runs ? -1 : 1;
  const priority = (name: InstanceName) => state.members[name]?.tags.failoverPriority ?? 0;
  return priority(b.instance) - priority(a.instance) || (a.instance < b.instance ? -1 : 1);
}

/**
 * One that is not recorded yet is newer than all that are: the remote gave it out. One that is recorded, but aside from
 * the line, was left by everybody: what is beyond its fork is no part of the cluster's history.
 */
function generation({ history }: ClusterState, { timeline }: WalPosition): number {
  const chain = lineage(history);
  const at = chain.findIndex((record) => record.timeline === timeline);
  if (at >= 0) return at;
  return history.some((record) => record.timeline === timeline) ? -1 : chain.length;
}

/**
 * The remote changed its primary: what its new timeline left, and where, becomes part of our history, and
 * its line the one that divergence is told by. What only goes on from our own line is that of the remote
 * also while it does not answer: nobody here was given a timeline since.
 */
export function recordRemoteTimelines(input: DecisionInput): Decision | null {
  const { state } = input;
  const leader = state.following?.leader;
  if (leader == null) return null;
  const report = freshReport(input, leader);
  if (report?.postgres.kind !== 'standby') return null;
  const directory = ourData(input, report);
  if (directory === null || directory.timeline !== report.postgres.timeline) return null;
  const last = state.history.at(-1)?.timeline;
  const { timeline } = directory;
  const goesOn = directory.ancestors.some((ancestor) => ancestor.timeline === last);
  const streams = report.postgres.receiver?.streaming === true;
  if (timeline === last || !(goesOn || streams)) return null;
  const timelines = unrecorded(state.history, directory);
  if (timelines === null) return null;
  const event: ClusterEvent = {
    type: 'RemoteTimelinesFollowed',
    ...{ instance: leader, timelines, timeline },
  };
  return { rule: 'record-remote-timelines', events: [event] };
}

/** Null when a known timeline has another origin there: that is for a person to look at. */
export function unrecorded(
  history: readonly TimelineRecord[],
  { timeline, ancestors }: Pick<Initialised, 'timeline' | 'ancestors'>,
): TimelineRecord[] | null {
  const ids = [...ancestors.map((ancestor) => ancestor.timeline), timeline];
  const line = ids.map((id, position): TimelineRecord => {
    const parent = ancestors[position - 1];
    const fork = parent === undefined ? null : { from: parent.timeline, lsn: parent.forkLsn };
    return { timeline: id, fork };
  });
  const known = new Map<number, TimelineRecord>(history.map((each) => [each.timeline, each]));
  const contradicts = line.some(({ timeline: id, fork }) => {
    const own = known.get(id);
    return own !== undefined && (own.fork?.from !== fork?.from || own.fork?.lsn !== fork?.lsn);
  });
  return contradicts ? null : line.filter((record) => !known.has(record.timeline));
}

/** For texts: where an instance stands. */
export function positionText({ timeline, lsn }: WalPosition): string {
  return `${formatLsn(lsn)} of timeline ${timeline}`;
}
