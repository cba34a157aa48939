/** The configuration of a cluster as its state has it. */
import type { InstanceName } from '#libs/kernel';
import {
  type BackupPolicies,
  type ClusterConfiguration,
  type GrantedTiming,
  NO_OVERRIDES,
  type Parameters,
} from './configuration.ts';
import type { PostgresDefinition } from './events.ts';
import { rebuildPolicyOf } from './rebuild/order-of.ts';
import { DEFAULT_SLOT_POLICY, type SlotPolicy } from './replication/slot-policy.ts';
import { type ClusterSettings, DEFAULT_SETTINGS } from './settings.ts';
import type { ClusterState } from './state.ts';

export function configurationOf({
  settings,
  postgres,
}: ClusterState): ClusterConfiguration & BackupPolicies {
  const { parameters, pgHba, pgIdent = [], overrides = NO_OVERRIDES } = postgres;
  const slots = slotPolicyOf(postgres);
  return { settings, parameters, pgHba, pgIdent, overrides, slots, ...backupPoliciesOf(postgres) };
}

export function backupPoliciesOf(postgres: PostgresDefinition): BackupPolicies {
  return { rebuild: rebuildPolicyOf(postgres), archive: postgres.archive ?? null };
}

export function slotPolicyOf({ slots }: PostgresDefinition): SlotPolicy {
  return { ...DEFAULT_SLOT_POLICY, ...slots };
}

/** The present revision; a cluster that was never changed is at its first. */
export function currentRevision(state: ClusterState): number {
  return state.revisions?.at(-1)?.revision ?? 1;
}

/** What an instance in a role is given, the more special value in place of the more general. */
export function parametersFor(
  { parameters, overrides = NO_OVERRIDES }: PostgresDefinition,
  role: 'primary' | 'standby',
  instance: InstanceName,
): Parameters {
  return { ...parameters, ...overrides[role], ...overrides.instances[instance] };
}

export function timingOf(settings: ClusterSettings): GrantedTiming {
  const { leaseTtlMs, renewIntervalMs, clockRateErrorRatio } = settings;
  const { leaseMarginMs, stopBudgetMs, guardKillMs } = settings;
  return {
    leaseTtlMs,
    renewIntervalMs,
    clockRateErrorRatio,
    leaseMarginMs,
    stopBudgetMs,
    guardKillMs,
  };
}

/**
 * The times of the present epoch, as its guard was told them: the leader's wait must never become
 * shorter than what the holder counts on, so a change of the settings waits for the next grant.
 */
export function leaseTimingOf({ lease, settings }: ClusterState): GrantedTiming {
  const granted = lease.kind === 'NeverGranted' ? undefined : lease.timing;
  return granted ?? timingOf(settings);
}

/** The state with backup policies in force. */
export function withBackupPolicies(
  state: ClusterState,
  { rebuild, archive }: BackupPolicies,
): ClusterState {
  const { archive: _before, ...postgres } = state.postgres;
  return { ...state, postgres: { ...postgres, rebuild, ...(archive === null ? {} : { archive }) } };
}

/** The state with a configuration in force; the settings of a later version keep their defaults. */
export function withConfiguration(
  state: ClusterState,
  { settings, parameters, pgHba, pgIdent, overrides, slots }: ClusterConfiguration,
): ClusterState {
  return {
    ...state,
    settings: { ...DEFAULT_SETTINGS, ...settings },
    postgres: { ...state.postgres, parameters, pgHba, pgIdent, overrides, slots },
  };
}
