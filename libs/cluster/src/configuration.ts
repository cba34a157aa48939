/** What operators set for a whole cluster, and its revisions. */
import type { EpochMs } from '#libs/kernel';
import type { AccessOverrides } from './access-lines.ts';
import type { ArchivePolicy, RebuildPolicy } from './rebuild/policy.ts';
import type { SlotPolicy } from './replication/slot-policy.ts';
import type { ClusterSettings } from './settings.ts';

export type Parameters = Readonly<Record<string, string>>;

/** Parameters beside those of the whole cluster; the more special wins: instance, role, cluster. */
export type ParameterOverrides = {
  readonly primary: Parameters;
  readonly standby: Parameters;
  readonly instances: Readonly<Record<string, Parameters>>;
};

/** How instances get their data anew, and what archives WAL; null: nothing does. */
export type BackupPolicies = {
  readonly rebuild: RebuildPolicy;
  readonly archive: ArchivePolicy | null;
};

/** The protocol level since which backup policies change with the configuration. */
export const BACKUP_POLICY_LEVEL = 4;

/**
 * Everything that `matriarch config` shows and changes. Backup policies are absent in what was recorded
 * before they could be changed: as they stood.
 */
export type ClusterConfiguration = Partial<BackupPolicies> & {
  readonly settings: ClusterSettings;
  readonly parameters: Parameters;
  readonly pgHba: readonly string[];
  readonly pgIdent: readonly string[];
  readonly overrides: ParameterOverrides;
  /** Absent: none. */
  readonly accessOverrides?: AccessOverrides | undefined;
  /** Absent in what was recorded before there were any: the defaults. */
  readonly slots?: SlotPolicy | undefined;
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

export type ConfigureCommand = {
  readonly type: 'configure';
  readonly configuration: ClusterConfiguration;
  /** The revision that the operator looked at; null takes whatever stands. */
  readonly expectedRevision: number | null;
  readonly comment: string | null;
};
