import { formatLsn, type InstanceName, type Lsn, type TimelineId } from '#libs/kernel';
import type { DecisionInput } from '../../decision.ts';
import { takesCopyAside } from '../../goal-of.ts';
import type { AgentReport } from '../../report.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import {
  type ClusterState,
  lineage,
  type MemberRecord,
  memberNames,
  type TimelineRecord,
} from '../../state.ts';
import type { LastKnownPosition, WalPosition } from '../../wal-position.ts';
import { freshReport, mayHaveFetched, observed, ourData, presentProof } from '../sight.ts';
import { unknownToHolder } from './failsafe.ts';
import { unfitness } from './fitness.ts';
import { backToLastFailed } from './flap-block.ts';
import { unrecordedTimelines } from './timelines.ts';

/** A member that may take over, with the position that it proved after it was detached. */
export type Candidate = {
  readonly member: MemberRecord;
  readonly report: AgentReport;
  readonly position: WalPosition;
  /** Its place on the cluster's true history: index in the lineage, then the part of its WAL on it. */
  readonly rank: { readonly generation: number; readonly lsn: Lsn };
};

type Ancestor = { readonly timeline: TimelineId; readonly forkLsn: Lsn };

export type Verdict =
  | { readonly kind: 'eligible'; readonly candidate: Candidate }
  | {
      readonly kind: 'refused';
      readonly refusal: RuleRefusal;
      /** Nothing stands against it but the WAL that it lacks. */
      readonly behind?: Candidate;
    }
  /** Heard, or just now not any more, but has not yet proved that it is detached. */
  | { readonly kind: 'pending'; readonly instance: InstanceName };

export type Limits = {
  readonly throughEpoch: number;
  readonly lastKnown: LastKnownPosition | null;
  readonly acceptLoss: boolean;
  readonly excluded: readonly InstanceName[];
  /** Asked for by an operator, who may name one that is tagged `noFailover`. */
  readonly asked: InstanceName | null;
  /** Also back to the instance that failed last, while nobody has acknowledged that (safety 23). */
  readonly again: boolean;
  /** Before nobody serves the last primary goes on, whatever its tags say of a failover to it. */
  readonly lastResort: boolean;
};

/** One verdict per member, each refusal with its value and limit. */
export function judgeMembers(input: DecisionInput, limits: Limits): Verdict[] {
  return memberNames(input.state)
    .sort()
    .map((name) => judge(input, name, limits));
}

function judge(input: DecisionInput, name: InstanceName, limits: Limits): Verdict {
  const { state } = input;
  const refused = (rule: string, value: string, limit: string): Verdict => ({
    kind: 'refused',
    refusal: { instance: name, rule, value, limit },
  });
  const member = state.members[name];
  const report = freshReport(input, name);
  if (member === undefined || report === null) {
    if (mayComeBack(input, name)) return { kind: 'pending', instance: name };
    return refused('not-heard', 'silent', `heard within ${state.settings.suspectAfterMs} ms`);
  }
  if (limits.excluded.includes(name))
    return refused('failed-before', 'in this outage', 'not again');
  const back = limits.again || limits.asked === name ? null : backToLastFailed(input, name);
  if (back !== null) return { kind: 'refused', refusal: back };
  const goesOn = limits.lastResort && wasPrimary(state, name);
  const [unfit] = unfitness(state, name, report, goesOn || limits.asked === name);
  if (unfit !== undefined) return { kind: 'refused', refusal: unfit };
  if (report.guard === null) return refused('no-guard', 'not running', 'a running guard');
  // What lies in its place until then is not to be judged.
  if (takesCopyAside(state, name) && report.aside != null) {
    return refused('copy-not-back', 'the copy is still aside', 'in place');
  }
  if (report.dataDirectory.kind !== 'initialised') {
    return refused('no-data', report.dataDirectory.kind, 'an initialised data directory');
  }
  if (ourData(input, report) === null) {
    const value = `system identifier ${report.dataDirectory.systemIdentifier}`;
    return refused('foreign-data', value, `${state.systemIdentifier}`);
  }
  const unconfirmed = unknownToHolder(input, name);
  if (unconfirmed !== null) return { kind: 'refused', refusal: unconfirmed };
  const detached = presentProof(state, report);
  if (detached === null || detached.throughEpoch < limits.throughEpoch) {
    return { kind: 'pending', instance: name };
  }
  if (mayHaveFetched(state, report)) return { kind: 'pending', instance: name };
  return judgePosition(state, { member, report, position: detached.position }, limits);
}

/** Served last, or was granted the last epoch: who was chosen after it may have died before its promotion. */
function wasPrimary(state: ClusterState, name: InstanceName): boolean {
  const { operation } = state;
  return isLastHolder(state, name) || (operation.kind === 'failover' && operation.primary === name);
}

/** Was granted the last epoch, whether or not it holds it still. */
export function isLastHolder({ lease }: ClusterState, name: InstanceName): boolean {
  return lease.kind !== 'NeverGranted' && lease.holder === name;
}

/**
 * An agent that is being restarted is silent for a second: the standby with the most WAL is not passed
 * over for that. The last holder is known to have failed.
 */
function mayComeBack(input: DecisionInput, name: InstanceName): boolean {
  const { lease, settings } = input.state;
  const { reportAgeMs } = observed(input, name);
  if (lease.kind === 'NeverGranted' || isLastHolder(input.state, name)) return false;
  return reportAgeMs !== null && reportAgeMs <= settings.leaseTtlMs / 2;
}

function judgePosition(
  state: ClusterState,
  standing: Omit<Candidate, 'rank'>,
  limits: Limits,
): Verdict {
  const { member, position } = standing;
  const refused = (rule: string, value: string, limit: string): Verdict => ({
    kind: 'refused',
    refusal: { instance: member.name, rule, value, limit },
  });
  const rank = rankOf(state, standing);
  if (rank === null) {
    const known = lineage(state.history).map((record) => record.timeline);
    return refused(
      'timeline-diverged',
      `timeline ${position.timeline}`,
      `one of ${known.join(', ')}`,
    );
  }
  if (limits.lastKnown !== null && !limits.acceptLoss) {
    const lagBytes = lagOf(limits.lastKnown, position, rank);
    const limit = state.settings.maximumLagOnFailoverBytes;
    if (lagBytes > limit) {
      const value = `${lagBytes} bytes at ${formatLsn(position.lsn)}`;
      const refusal = { instance: member.name, rule: 'lag', value, limit: `${limit} bytes` };
      return { kind: 'refused', refusal, behind: { ...standing, rank } };
    }
  }
  return { kind: 'eligible', candidate: { ...standing, rank } };
}

/**
 * Where a position stands on the lineage; null when its timeline is not part of it. WAL that an
 * instance has beyond the fork of the next timeline is not part of the cluster's history.
 */
export function rankOf(
  state: ClusterState,
  standing: Omit<Candidate, 'rank'>,
): Candidate['rank'] | null {
  const { position } = standing;
  const chain = lineage(state.history);
  const generation = chain.findIndex((record) => record.timeline === position.timeline);
  if (generation < 0) {
    const beyond = placeAmongUnrecorded(state, standing, chain);
    return beyond < 0 ? null : { generation: chain.length + beyond, lsn: position.lsn };
  }
  const nextFork = chain[generation + 1]?.fork?.lsn;
  const lsn = nextFork !== undefined && position.lsn > nextFork ? nextFork : position.lsn;
  return { generation, lsn };
}

/**
 * Which of the timelines that the last holder was granted, and nobody heard it take, this is; -1 for none.
 * Clients may have written there. The id was given to that holder alone, so whoever else is on it streamed
 * from it: were they all taken for diverged, a holder that dies right after its promotion would leave a
 * cluster without any candidate.
 */
function placeAmongUnrecorded(
  state: ClusterState,
  { position, report }: Omit<Candidate, 'rank'>,
  chain: readonly TimelineRecord[],
): number {
  const granted = unrecordedTimelines(state);
  const place = granted.indexOf(position.timeline);
  if (place < 0 || report.dataDirectory.kind !== 'initialised') return -1;
  const { timeline, ancestors } = report.dataDirectory;
  // The first primary's own, which nobody heard it serve on: the cluster has no other yet.
  if (chain.length === 0) return timeline === position.timeline ? place : -1;
  const unheard = state.lease.kind !== 'NeverGranted' && state.lease.reason === 'cluster-promotion';
  // Of a remote primary that failed over just before it was lost, nobody had told the last timeline.
  const parent = ancestors.findLast(({ timeline: id }) =>
    unheard ? chain.some((each) => each.timeline === id) : !granted.includes(id),
  );
  if (timeline !== position.timeline || parent === undefined) return -1;
  if (chain.every((each) => each.timeline !== parent.timeline)) return -1;
  return forksTooEarly(state, parent) ? -1 : place;
}

/** The candidate had more when it was chosen: this one took the id from nobody. */
function forksTooEarly({ operation }: ClusterState, { timeline, forkLsn }: Ancestor): boolean {
  const chosenAt = operation.kind === 'failover' ? operation.chosenAt : null;
  return chosenAt !== null && chosenAt.timeline === timeline && forkLsn < chosenAt.lsn;
}

/**
 * Known bytes that the candidate lacks. Ids are given out in order: what the cluster left for a later
 * timeline is not counted again. A position on a timeline that was never recorded counts as it is.
 */
export function lagOf(known: LastKnownPosition, own: WalPosition, rank: Candidate['rank']): bigint {
  if (known.timeline < own.timeline) return 0n;
  return known.lsn > rank.lsn ? known.lsn - rank.lsn : 0n;
}

/** Of two things known of the lost primary the one that says more. */
export function furtherKnown(
  a: LastKnownPosition | null,
  b: LastKnownPosition | null,
): LastKnownPosition | null {
  if (a === null || b === null) return a ?? b;
  if (a.timeline !== b.timeline) return a.timeline > b.timeline ? a : b;
  return b.lsn > a.lsn ? b : a;
}

/** Negative when `a` has more of the cluster's history than `b`. */
export function compareRanks(a: Candidate['rank'], b: Candidate['rank']): number {
  if (a.generation !== b.generation) return b.generation - a.generation;
  return a.lsn === b.lsn ? 0 : a.lsn > b.lsn ? -1 : 1;
}

/**
 * The furthest first; among equals the one that is preferred. Beyond the fork of a timeline that is given up all
 * rank alike: whoever has most there spares the others a rewind.
 */
export function compareCandidates(a: Candidate, b: Candidate, zones: readonly string[]): number {
  const byRank = compareRanks(a.rank, b.rank);
  if (byRank !== 0) return byRank;
  if (a.position.lsn !== b.position.lsn) return a.position.lsn > b.position.lsn ? -1 : 1;
  const preferred = comparePreference(a, b, zones);
  return preferred !== 0 ? preferred : a.member.name.localeCompare(b.member.name);
}

/** The zone that stands first in `zones`, then `failoverPriority`; 0 when neither tells them apart. */
export function comparePreference(a: Candidate, b: Candidate, zones: readonly string[]): number {
  const byZone = zoneRank(a, zones) - zoneRank(b, zones);
  return byZone !== 0 ? byZone : b.member.tags.failoverPriority - a.member.tags.failoverPriority;
}

/** Zones that are not named come last, all alike. */
function zoneRank({ member }: Candidate, zones: readonly string[]): number {
  const rank = member.tags.zone === undefined ? -1 : zones.indexOf(member.tags.zone);
  return rank < 0 ? zones.length : rank;
}

/** How many members could be candidates if a failover began now; their positions are not asked yet. */
export function eligibleCount(input: DecisionInput, excluded: readonly InstanceName[]): number {
  const timelines = new Set<TimelineId>([
    ...lineage(input.state.history).map((record) => record.timeline),
    ...unrecordedTimelines(input.state),
  ]);
  return memberNames(input.state).filter((name) => {
    const report = freshReport(input, name);
    if (report === null || excluded.includes(name) || report.guard === null) return false;
    const directory = ourData(input, report);
    if (directory === null || !timelines.has(directory.timeline)) return false;
    return unfitness(input.state, name, report, false).length === 0;
  }).length;
}
