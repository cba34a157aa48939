import type { DecisionInput, OperatorCommand } from '../../decision.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import { keepsEveryCommit } from '../../sync-set/standing-setting.ts';
import { eligibleCount, judgeMembers } from '../candidates/candidates.ts';
import { copyAsideOf, isInconsistent } from '../candidates/copy-aside.ts';

type Command = Extract<OperatorCommand, { type: 'failover' }>;

/**
 * Why the copy that a rebuild had put aside is not put back now. It is older than what lies in its place, so nobody
 * takes it while anybody can serve without it, and where commits are kept only by an operator who accepts the loss.
 */
export function whyNotPutBack(input: DecisionInput, command: Command): RuleRefusal | null {
  const { state } = input;
  const { to, acceptLoss } = command;
  const no = (rule: string, value: string, limit: string): RuleRefusal => ({
    ...{ instance: to, rule, value, limit },
  });
  if (to === null) return no('no-copy-aside', 'no member is named', '`--to NAME`');
  const { lease } = state;
  if (lease.kind === 'Held' && lease.serving) {
    return no('primary-serves', `${lease.holder} holds epoch ${lease.epoch}`, 'nobody serves');
  }
  if (copyAsideOf(input, to) === null) {
    const limit = 'a copy aside that its agent reports, of the history of the cluster';
    return no('no-copy-aside', 'none that could be taken', limit);
  }
  const others = whoElse(input, command);
  if (others.length > 0) {
    return no('candidate-left', `${others.join(', ')} can serve without it`, 'nobody else');
  }
  if (keepsEveryCommit(state) && !acceptLoss) {
    return no('commits-not-assured', 'a copy aside may lack commits', '--accept-loss');
  }
  return null;
}

/** Who can serve with what lies in its place; of `to` also with less than the limit lets. */
function whoElse(input: DecisionInput, { to }: Command): string[] {
  const { lease, operation } = input.state;
  if (lease.kind === 'NeverGranted') return [];
  // Granted, and not serving: others have not been asked how far they are.
  if (lease.kind === 'Held') {
    return eligibleCount(input, [lease.holder]) > 0 ? ['another member'] : [];
  }
  const verdicts = judgeMembers(input, {
    throughEpoch: lease.epoch,
    lastKnown: operation.kind === 'failover' ? operation.lastKnown : input.observations.lastKnown,
    ...{ acceptLoss: false, excluded: [], asked: to, again: true, lastResort: true },
  });
  return verdicts.flatMap((verdict) => {
    if (verdict.kind === 'eligible') return [verdict.candidate.member.name];
    if (verdict.kind === 'pending' || verdict.behind?.member.name !== to) return [];
    return isInconsistent(verdict.behind) ? [] : [verdict.behind.member.name];
  });
}
