import type { InstanceName } from '#libs/kernel';
import type { DecisionInput } from '../../decision.ts';
import { rebuildRecordOf } from '../../rebuild/order-of.ts';
import { isExhausted } from '../../rebuild/rebuild-record.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import { lineage, memberNames } from '../../state.ts';
import { freshReport, ourData } from '../sight.ts';
import { remarksOn, unfitness } from './fitness.ts';

/** Where one standby would stand if the primary were lost now. */
export type Standing = {
  readonly instance: InstanceName;
  /** Everything against it; empty when it could take over. */
  readonly refusals: readonly RuleRefusal[];
  /** Of the primary's last known WAL not received; null when it cannot be told. */
  readonly lagBytes: bigint | null;
  readonly failoverPriority: number;
  readonly zone: string | null;
  readonly remarks: readonly string[];
};

/** Why each standby could, or could not, take over: what `explain` shows while all is well. */
export function standingsOf(input: DecisionInput): Standing[] {
  const { lease } = input.state;
  const holder = lease.kind === 'Held' ? lease.holder : null;
  return memberNames(input.state)
    .filter((name) => name !== holder)
    .sort()
    .map((name) => standingOf(input, name));
}

function standingOf(input: DecisionInput, instance: InstanceName): Standing {
  const { state } = input;
  const tags = state.members[instance]?.tags;
  const place = { failoverPriority: tags?.failoverPriority ?? 0, zone: tags?.zone ?? null };
  const report = freshReport(input, instance);
  const against = (rule: string, value: string, limit: string) => ({
    instance,
    rule,
    value,
    limit,
  });
  if (report === null) {
    const limit = `heard within ${state.settings.suspectAfterMs} ms`;
    const refusals = [against('not-heard', 'silent', limit)];
    return { instance, refusals, lagBytes: null, ...place, remarks: [] };
  }
  const refusals: RuleRefusal[] = [];
  if (report.guard === null) refusals.push(against('no-guard', 'not running', 'a running guard'));
  const { dataDirectory } = report;
  const directory = ourData(input, report);
  if (dataDirectory.kind !== 'initialised') {
    const limit = 'an initialised data directory';
    refusals.push(against('no-data', dataDirectory.kind, limit));
  } else if (directory === null) {
    const value = `system identifier ${dataDirectory.systemIdentifier}`;
    refusals.push(against('foreign-data', value, `${state.systemIdentifier}`));
  } else if (!lineage(state.history).some((record) => record.timeline === directory.timeline)) {
    const known = lineage(state.history).map((record) => record.timeline);
    const value = `timeline ${directory.timeline}`;
    refusals.push(against('timeline-diverged', value, `one of ${known.join(', ')}`));
  }
  const rebuild = rebuildRecordOf(state, instance);
  const { postgres } = report;
  const streams = postgres.kind === 'standby' && postgres.receiver?.streaming === true;
  if (rebuild !== null && !streams) {
    const value = rebuild.cancelled || isExhausted(rebuild) ? 'needs it' : 'under way';
    refusals.push(against('rebuilding', value, 'a copy that streams'));
  }
  refusals.push(...unfitness(state, instance, report, false));
  const lagBytes = lagOf(input, report);
  const limit = state.settings.maximumLagOnFailoverBytes;
  if (lagBytes !== null && lagBytes > limit) {
    refusals.push(against('lag', `${lagBytes} bytes`, `${limit} bytes`));
  }
  return { instance, refusals, lagBytes, ...place, remarks: remarksOn(state, report) };
}

/** Only of one on the timeline that is written: elsewhere bytes are not comparable. */
function lagOf(
  { observations: { lastKnown } }: DecisionInput,
  { postgres }: NonNullable<ReturnType<typeof freshReport>>,
): bigint | null {
  if (postgres.kind !== 'standby' || postgres.receivedLsn === null || lastKnown === null)
    return null;
  if (postgres.timeline !== lastKnown.timeline) return null;
  return lastKnown.lsn > postgres.receivedLsn ? lastKnown.lsn - postgres.receivedLsn : 0n;
}
