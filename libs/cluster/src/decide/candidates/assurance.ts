/** In synchronous modes only who surely has every acknowledged commit may take over. */
import { formatLsn, type InstanceName } from '#libs/kernel';
import type { DecisionInput } from '../../decision.ts';
import type { AgentReport } from '../../report.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import { withDefaults } from '../../settings.ts';
import type { ClusterState } from '../../state.ts';
import { quorumOf } from '../../sync-set/admit-sync.ts';
import { fencersNeeded, type SyncSetting } from '../../sync-set/quorum.ts';
import { standingSetting } from '../../sync-set/standing-setting.ts';
import { freshReport } from '../sight.ts';
import { type Candidate, compareRanks, isLastHolder, rankOf, type Verdict } from './candidates.ts';
import { fencersOf } from './fencers.ts';

/** Turns down those who may lack a commit, or whose own PostgreSQL is not ready to wait for others. */
export function judgeAssured(input: DecisionInput, verdicts: readonly Verdict[]): Verdict[] {
  const floor = floorOf(input);
  return verdicts.map((verdict) => {
    if (verdict.kind !== 'eligible') return verdict;
    const { candidate } = verdict;
    const instance = candidate.member.name;
    if (!hasWhatItServed(input.state, candidate)) {
      if (floor === null) return { kind: 'refused', refusal: notAssured(input, candidate) };
      if (compareRanks(candidate.rank, floor.rank) > 0) {
        const value = formatLsn(candidate.rank.lsn);
        const limit = `${formatLsn(floor.rank.lsn)}, where ${floor.member.name} stands`;
        const refusal = { instance, rule: 'may-lack-commits', value, limit };
        return { kind: 'refused', refusal, behind: candidate };
      }
    }
    const { report } = candidate;
    return isReadyToWait(input.state, report, instance) ? verdict : { kind: 'pending', instance };
  });
}

/** The furthest of those who fence: it has every commit, so nobody who has less may be chosen. */
function floorOf(input: DecisionInput): Candidate | null {
  const { state } = input;
  const fencers = fencersOf(input);
  if (fencers.length < fencersNeeded(quorumOf(state.sync?.committed ?? null))) return null;
  const standing = fencers.flatMap(({ instance, position }): Candidate[] => {
    const member = state.members[instance];
    const report = freshReport(input, instance);
    if (member === undefined || report === null) return [];
    const rank = rankOf(state, { member, report, position });
    return rank === null ? [] : [{ member, report, position, rank }];
  });
  // One that diverged proves nothing: the arithmetic counts on each of them.
  if (standing.length < fencers.length) return null;
  return standing.sort((a, b) => compareRanks(a.rank, b.rank))[0] ?? null;
}

/** The last primary, with the data that it served: everything acknowledged in its epoch is there. */
function hasWhatItServed(state: ClusterState, { member, report }: Candidate): boolean {
  return isLastHolder(state, member.name) && report.replicationName === member.replicationName;
}

/** Its setting is in force before it is promoted: its first commits wait for others (safety 15). */
export function isReadyToWait(
  state: ClusterState,
  report: AgentReport,
  instance: InstanceName,
): boolean {
  // A stopped one is started with the setting that the grant names.
  if (report.postgres.kind !== 'standby') return report.postgres.kind === 'stopped';
  const inForce = report.postgres.synchronous;
  if (inForce === undefined || inForce.setting === null) return false;
  const { names, count } = inForce.setting;
  const own = state.members[instance]?.replicationName;
  if (own !== undefined && names.includes(own)) return false;
  if (count === 0) return !withDefaults(state.settings).synchronousStrict;
  return inForce.proved;
}

/** What its PostgreSQL runs now, or will be started with. */
export function settingOfCandidate(
  state: ClusterState,
  { report, member }: Candidate,
  timeline: number,
): SyncSetting {
  const resumes =
    state.lease.kind !== 'NeverGranted' &&
    state.lease.holder === member.name &&
    timeline === state.history.at(-1)?.timeline;
  if (resumes && state.sync !== undefined) return state.sync.ordered;
  const { postgres } = report;
  const inForce = postgres.kind === 'standby' ? postgres.synchronous?.setting : null;
  return inForce ?? standingSetting(state, member.name);
}

function notAssured(input: DecisionInput, { member, position }: Candidate): RuleRefusal {
  const { sync } = input.state;
  const instance = member.name;
  const rule = 'commits-not-assured';
  const at = `at ${formatLsn(position.lsn)}`;
  if (sync === undefined || sync.committed === null) {
    const limit = 'the last primary back, or --accept-loss';
    return { instance, rule, value: `${at}; only the last primary has every commit`, limit };
  }
  const { members } = sync.committed;
  const detached = fencersOf(input).map((fencer) => fencer.instance);
  const names = members.map((each) => each.instance);
  const value = `${at}; of ${names.join(', ')} only ${detached.join(', ') || 'nobody'} is heard and detached`;
  const limit = `${fencersNeeded(quorumOf(sync.committed))} of them, the last primary back, or --accept-loss`;
  return { instance, rule, value, limit };
}
