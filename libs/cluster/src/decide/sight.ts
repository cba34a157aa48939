/** How rules look at what the leader has heard. "Not heard" is never the same as "no". */
import type { InstanceName } from '#libs/kernel';
import type { DecisionInput } from '../decision.ts';
import type { InstanceObservation } from '../observations.ts';
import { NOTHING_OBSERVED } from '../observations.ts';
import type { AgentReport, DetachedProof } from '../report.ts';
import type { ClusterSettings } from '../settings.ts';
import type { ClusterState } from '../state.ts';
import { isSynchronous } from '../sync-set/standing-setting.ts';

export function observed(input: DecisionInput, instance: InstanceName): InstanceObservation {
  return input.observations.instances[instance] ?? NOTHING_OBSERVED;
}

/**
 * The report of an instance whose agent was heard within `suspectAfterMs`; else null. Where nothing
 * changes an agent may report later (`calmMsOf`), and says so in the report before.
 */
export function freshReport(input: DecisionInput, instance: InstanceName): AgentReport | null {
  const { report, reportAgeMs } = observed(input, instance);
  if (report === null || reportAgeMs === null) return null;
  const { settings } = input.state;
  const { suspectAfterMs } = settings;
  if (reportAgeMs <= suspectAfterMs) return report;
  const laterMs = Math.min(report.calmForMs ?? 0, calmMsOf(settings));
  return reportAgeMs <= suspectAfterMs + laterMs ? report : null;
}

/** Longer than this no agent needs to be silent for the sake of the processor. */
const CALM_MS_MAX = 600;

/**
 * How much later than usual an agent may report while nothing changes. None where commits wait for
 * standbys, which are judged by their reports; elsewhere never so much that a silent candidate would be
 * waited for longer than half a lease, as a failover waits for whoever fell silent just now.
 */
export function calmMsOf(settings: ClusterSettings): number {
  const { leaseTtlMs, suspectAfterMs } = settings;
  if (isSynchronous({ settings })) return 0;
  return Math.max(0, Math.min(CALM_MS_MAX, leaseTtlMs / 2 - suspectAfterMs));
}

/**
 * True once silence may be read as absence: every member has reported in this term, or the leader has
 * served for a whole lease period (safety 24). `lost` need not have: of a primary that commits need standbys
 * for, others tell that it is gone, and which of them has everything. It may have died with the last leader.
 */
export function hasHeardEnough(input: DecisionInput, lost: InstanceName | null = null): boolean {
  const { state, observations } = input;
  if (observations.servingForMs >= state.settings.leaseTtlMs) return true;
  return Object.values(state.members).every(
    ({ name }) => name === lost || observed(input, name).report !== null,
  );
}

/** True when the instance's agent is known to be silent, not merely unheard by a new leader. */
export function isSilent(input: DecisionInput, instance: InstanceName): boolean {
  if (freshReport(input, instance) !== null) return false;
  const { reportAgeMs } = observed(input, instance);
  const { suspectAfterMs, leaseTtlMs } = input.state.settings;
  if (reportAgeMs !== null) return reportAgeMs > suspectAfterMs;
  return input.observations.servingForMs >= leaseTtlMs;
}

/**
 * What an instance proved of being detached. Once a failover was given up in an epoch that is still
 * held, it may have gone back: only what it says after it acted on the present one counts (safety 4).
 */
export function presentProof(
  { operation, lease, detachReleased }: ClusterState,
  { detached, actedVersion }: AgentReport,
): DetachedProof | null {
  const released = lease.kind !== 'NeverGranted' && detachReleased === lease.epoch;
  const since = operation.kind === 'failover' ? (operation.startedVersion ?? 0) : 0;
  return released && actedVersion < since ? null : detached;
}

/**
 * It was told to fetch no more, and has not said that it acted on that: what it fetched is not in its position. A report
 * that was long on its way is heard by a leader that knows of no other.
 */
export function mayHaveFetched(
  { operation, version }: ClusterState,
  { instance, actedVersion }: AgentReport,
): boolean {
  const fetched = operation.kind === 'failover' ? operation.fastForward : undefined;
  return fetched?.givenUp === true && fetched.instance === instance && actedVersion < version;
}

type OurData = Extract<AgentReport['dataDirectory'], { kind: 'initialised' }>;

/** The directory, when it holds this cluster's data; another database's never counts for anything. */
export function ourData({ state }: DecisionInput, { dataDirectory }: AgentReport): OurData | null {
  if (dataDirectory.kind !== 'initialised') return null;
  return dataDirectory.systemIdentifier === state.systemIdentifier ? dataDirectory : null;
}
