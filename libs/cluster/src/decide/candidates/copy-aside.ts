/** The copy that a rebuild had put aside is the last candidate, and only an operator may take it (safety 25). */
import { formatLsn, type InstanceName } from '#libs/kernel';
import type { DecisionInput } from '../../decision.ts';
import type { AsideReport } from '../../rebuild/rebuild-report.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import { lineage } from '../../state.ts';
import { keepsEveryCommit } from '../../sync-set/standing-setting.ts';
import type { LastKnownPosition } from '../../wal-position.ts';
import { freshReport } from '../sight.ts';
import { type Candidate, lagOf, rankOf, type Verdict } from './candidates.ts';

/** Its own directory will not do, and an earlier copy would. */
const DOES_NOT_DO = ['no-data', 'timeline-diverged'];

/** What lies aside at this member and could be put back; null: nothing of this cluster's history. */
export function copyAsideOf(input: DecisionInput, instance: InstanceName): AsideReport | null {
  const { state } = input;
  const report = freshReport(input, instance);
  const aside = report?.aside ?? null;
  if (report === null || aside === null || report.guard === null) return null;
  if (aside.systemIdentifier !== state.systemIdentifier) return null;
  const { timeline } = aside.position;
  return lineage(state.history).some((record) => record.timeline === timeline) ? aside : null;
}

/** Members whose own directory does not do, or that have not shown in time that it does. */
export function withoutUse(verdicts: readonly Verdict[]): InstanceName[] {
  return verdicts.flatMap((verdict) => {
    if (verdict.kind === 'pending') return [verdict.instance];
    if (verdict.kind === 'eligible') return [];
    const { refusal, behind } = verdict;
    const useless = DOES_NOT_DO.includes(refusal.rule) || isInconsistent(behind);
    return useless ? (refusal.instance ?? []) : [];
  });
}

/** It still recovers, and would answer if it were consistent: nobody can be promoted from there. */
export function isInconsistent(candidate: Candidate | undefined): boolean {
  return candidate?.report.postgres.kind === 'starting';
}

/** Which copies there are, how far they go, and what to order: part of why a failover waits. */
export function asideOffers(
  input: DecisionInput,
  instances: readonly InstanceName[],
  lastKnown: LastKnownPosition | null,
): RuleRefusal[] {
  return instances.flatMap((instance) => {
    const aside = copyAsideOf(input, instance);
    return aside === null ? [] : offerOf(input, instance, aside, lastKnown);
  });
}

function offerOf(
  input: DecisionInput,
  instance: InstanceName,
  { directory, position }: AsideReport,
  lastKnown: LastKnownPosition | null,
): RuleRefusal[] {
  const { state } = input;
  const member = state.members[instance];
  const report = freshReport(input, instance);
  const rank = member && report ? rankOf(state, { member, report, position }) : null;
  if (rank === null) return [];
  const behind = lastKnown === null ? null : lagOf(lastKnown, position, rank);
  const far =
    behind === null
      ? 'how far the lost primary was is not known'
      : `at most ${behind} bytes behind the last known position of the lost primary`;
  const reach = `up to ${formatLsn(position.lsn)} of timeline ${position.timeline}`;
  const beyond = behind === null || behind > state.settings.maximumLagOnFailoverBytes;
  const loss = beyond || keepsEveryCommit(state) ? ' --accept-loss' : '';
  const order = `\`matriarch failover ${state.name} --to ${instance} --copy-aside${loss}\``;
  const value = `an earlier copy in ${directory}, ${reach}, ${far}`;
  return [{ instance, rule: 'copy-aside', value, limit: order }];
}
