/** How far behind the primary a standby may be for commits to wait for it. */
import type { InstanceName, Lsn } from '#libs/kernel';
import type { AgentReport, StandbyConnection } from '../report.ts';
import { withDefaults } from '../settings.ts';
import type { ClusterState } from '../state.ts';
import { isSynchronous } from './standing-setting.ts';

/**
 * A standby that lagged stays out of the set until it was near for so long: one that a load pushes to and
 * fro across the limit would change what commits wait for several times a second.
 */
export const NEAR_FOR_MS = 5_000;

export function lagOf(written: Lsn, flushed: Lsn | null): bigint {
  if (flushed === null) return written;
  return written > flushed ? written - flushed : 0n;
}

/** For a member of the set, and with some room below it for who comes back. */
export function lagLimits({ settings }: Pick<ClusterState, 'settings'>) {
  const limit = withDefaults(settings).maximumLagOnSyncStandbyBytes;
  return { stays: limit, returns: limit / 2n };
}

/** Members that the primary, as it reports, sees too far behind to come back into the set. */
export function laggingMembers(state: ClusterState, report: AgentReport): InstanceName[] {
  const { lease, members } = state;
  const { instance, postgres } = report;
  if (postgres.kind !== 'primary' || !isSynchronous(state)) return [];
  if (lease.kind !== 'Held' || lease.holder !== instance) return [];
  const { returns } = lagLimits(state);
  const lags = ({ state: phase, flushLsn }: StandbyConnection): boolean =>
    phase === 'streaming' && flushLsn !== null && lagOf(postgres.writeLsn, flushLsn) > returns;
  const names = new Set(
    postgres.standbys.filter(lags).map(({ applicationName }) => applicationName),
  );
  if (names.size === 0) return [];
  return Object.values(members).flatMap(({ name, replicationName }) =>
    replicationName !== undefined && names.has(replicationName) ? [name] : [],
  );
}
