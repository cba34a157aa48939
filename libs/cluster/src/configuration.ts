/** What operators set for a whole cluster, and its revisions. */
import type { EpochMs, InstanceName } from '#libs/kernel';
import type { PostgresDefinition } from './events.ts';
import { type ClusterSettings, DEFAULT_SETTINGS } from './settings.ts';
import type { ClusterState } from './state.ts';

export type Parameters = Readonly<Record<string, string>>;

/** Parameters beside those of the whole cluster; the more special wins: instance, role, cluster. */
export type ParameterOverrides = {
  readonly primary: Parameters;
  readonly standby: Parameters;
  readonly instances: Readonly<Record<string, Parameters>>;
};

/** Everything that `matriarch config` shows and changes. */
export type ClusterConfiguration = {
  readonly settings: ClusterSettings;
  readonly parameters: Parameters;
  readonly pgHba: readonly string[];
  readonly pgIdent: readonly string[];
  readonly overrides: ParameterOverrides;
};

/** One configuration that was in force. Number 1 is what the cluster was created with. */
export type ConfigurationRevision = {
  readonly revision: number;
  readonly at: EpochMs;
  readonly by: string;
  readonly comment: string | null;
  readonly configuration: ClusterConfiguration;
};

/** Revisions that are kept to be shown and gone back to. */
export const REVISIONS_KEPT = 30;

export const NO_OVERRIDES: ParameterOverrides = { primary: {}, standby: {}, instances: {} };

export function configurationOf({ settings, postgres }: ClusterState): ClusterConfiguration {
  const { parameters, pgHba, pgIdent = [], overrides = NO_OVERRIDES } = postgres;
  return { settings, parameters, pgHba, pgIdent, overrides };
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

/** The settings that a lease rests on; a change of them counts from the next grant. */
export type GrantedTiming = Pick<
  ClusterSettings,
  | 'leaseTtlMs'
  | 'renewIntervalMs'
  | 'clockRateErrorRatio'
  | 'leaseMarginMs'
  | 'stopBudgetMs'
  | 'guardKillMs'
>;

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

/** The state with a configuration in force; the settings of a later version keep their defaults. */
export function withConfiguration(
  state: ClusterState,
  { settings, parameters, pgHba, pgIdent, overrides }: ClusterConfiguration,
): ClusterState {
  return {
    ...state,
    settings: { ...DEFAULT_SETTINGS, ...settings },
    postgres: { ...state.postgres, parameters, pgHba, pgIdent, overrides },
  };
}
