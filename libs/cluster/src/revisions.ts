/** The configuration of a cluster as its state has it. */
import type { InstanceName } from '#libs/kernel';
import { NO_ACCESS_OVERRIDES } from './access.ts';
import type { AccessOverrides } from './access-lines.ts';
import {
  type BackupPolicies,
  type ClusterConfiguration,
  type GrantedTiming,
  NO_OVERRIDES,
  type Parameters,
} from './configuration.ts';
import type { PostgresDefinition } from './definition.ts';
import { rebuildPolicyOf } from './rebuild/order-of.ts';
import { DEFAULT_SLOT_POLICY, type SlotPolicy } from './replication/slot-policy.ts';
import { type ClusterSettings, DEFAULT_SETTINGS } from './settings.ts';
import type { ClusterState } from './state.ts';

/** With every part that there is, also those that say nothing. */
type WholeConfiguration = ClusterConfiguration &
  BackupPolicies & { readonly accessOverrides: AccessOverrides };

export function configurationOf({ settings, postgres }: ClusterState): WholeConfiguration {
  const { parameters, pgHba, pgIdent = [], overrides = NO_OVERRIDES } = postgres;
  const { accessOverrides = NO_ACCESS_OVERRIDES } = postgres;
  const slots = slotPolicyOf(postgres);
  const lines = { pgHba, pgIdent, overrides, accessOverrides };
  return { settings, parameters, ...lines, slots, ...backupPoliciesOf(postgres) };
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
  configuration: ClusterConfiguration,
): ClusterState {
  const { settings, parameters, pgHba, pgIdent, overrides, accessOverrides, slots } = configuration;
  const { accessOverrides: _before, ...others } = state.postgres;
  const access = accessOverrides === undefined ? {} : { accessOverrides };
  return {
    ...state,
    settings: { ...DEFAULT_SETTINGS, ...settings },
    postgres: { ...others, parameters, pgHba, pgIdent, overrides, ...access, slots },
  };
}
