/**
 * How one PostgreSQL cluster is kept. Stored with the cluster, so that every controller and agent
 * reads the same values. Defaults suit a LAN; `wan` multiplies the times.
 */
export type ClusterSettings = {
  /** D: how long a holder may act after the moment it sent a confirmed renewal. */
  readonly leaseTtlMs: number;
  readonly renewIntervalMs: number;
  /** rho: the largest rate error of a host's monotonic clock that the lease tolerates. */
  readonly clockRateErrorRatio: number;
  /** m: added to the leader's wait before it declares a lease expired. */
  readonly leaseMarginMs: number;
  /** The guard begins to stop PostgreSQL this long before its lease ends. */
  readonly stopBudgetMs: number;
  /** SIGQUIT to SIGKILL; lies inside `stopBudgetMs`. */
  readonly guardKillMs: number;
  /** Without an agent for this long the guard offers to hand its lease back. */
  readonly agentAbsenceMs: number;
  /** Asynchronous mode: a dead postmaster is restarted in place for this long before a failover. */
  readonly restartInPlaceMs: number;
  /**
   * A primary whose PostgreSQL crashed: `auto` restarts it in place for `restartInPlaceMs`, and lets a
   * crash recovery that gets on take its time; `restart` never fails over for it; `failover` begins as
   * soon as it is down, and when its recovery takes longer than `restartInPlaceMs`.
   */
  readonly primaryCrashPolicy: 'auto' | 'restart' | 'failover';
  /** `auto`: a crash recovery that has not got on for this long is given up. */
  readonly crashRecoveryStallMs: number;
  /**
   * A primary that runs, and whose WAL does not get to disk or that lets nobody connect for this long, is
   * failed over; 0: never. Disks of virtual machines stall for seconds and come back.
   */
  readonly hungPrimaryMs: number;
  /** A promotion that takes longer is withdrawn by a stop. */
  readonly promoteTimeoutMs: number;
  /** A fast stop for a switchover that takes longer is abandoned. */
  readonly switchoverStopMs: number;
  /** Silence after which an instance is not waited for any more by a saga. */
  readonly suspectAfterMs: number;
  /** A standby further behind the primary's last known position is never promoted. */
  readonly maximumLagOnFailoverBytes: bigint;
  /** Among candidates with equal positions one in the first of these zones is preferred. */
  readonly failoverZones: readonly string[];
  /** Which standbys a commit waits for: none, the first of an order, or any of all that may. */
  readonly synchronousMode: SynchronousMode;
  /** Without a standby that may be waited for, commits wait instead of going on alone. */
  readonly synchronousStrict: boolean;
  /** How many standbys a commit waits for. */
  readonly synchronousNodeCount: number;
  /** A standby further behind the primary than this is waited for no more, until it was within half of it for 5 s. */
  readonly maximumLagOnSyncStandbyBytes: bigint;
  /** Synchronous modes: without a confirmed renewal for this long the guard stops PostgreSQL (safety 12). */
  readonly syncFenceMs: number;
  /**
   * While no controller answers, a primary goes on as long as every member promises to take part in no
   * failover (safety 11).
   */
  readonly failsafe: boolean;
};

export type SynchronousMode = 'off' | 'priority' | 'quorum';

export const DEFAULT_SETTINGS: ClusterSettings = {
  leaseTtlMs: 3_000,
  renewIntervalMs: 400,
  clockRateErrorRatio: 0.01,
  leaseMarginMs: 100,
  stopBudgetMs: 300,
  guardKillMs: 150,
  agentAbsenceMs: 30_000,
  restartInPlaceMs: 5_000,
  primaryCrashPolicy: 'auto',
  crashRecoveryStallMs: 60_000,
  hungPrimaryMs: 10_000,
  promoteTimeoutMs: 3_000,
  switchoverStopMs: 400,
  suspectAfterMs: 800,
  maximumLagOnFailoverBytes: 1_048_576n,
  failoverZones: [],
  synchronousMode: 'off',
  synchronousStrict: false,
  synchronousNodeCount: 1,
  maximumLagOnSyncStandbyBytes: 67_108_864n,
  syncFenceMs: 2_300,
  failsafe: false,
};

/** Rules ask at every turn, and stored settings are never changed, only replaced. */
const completed = new WeakMap<Partial<ClusterSettings>, ClusterSettings>();

/** Settings as stored, also by a version that knew fewer: what is missing has its default. */
export function withDefaults(settings: Partial<ClusterSettings>): ClusterSettings {
  const known = completed.get(settings);
  if (known !== undefined) return known;
  const complete = { ...DEFAULT_SETTINGS, ...settings };
  completed.set(settings, complete);
  return complete;
}

export type SettingsProblem = {
  readonly key: keyof ClusterSettings;
  readonly value: string;
  readonly limit: string;
};

/** The inequalities that the lease and the fences rest on (architecture section 5). */
export function settingsProblems(settings: ClusterSettings): SettingsProblem[] {
  const { leaseTtlMs, renewIntervalMs, stopBudgetMs, guardKillMs } = settings;
  const problems: SettingsProblem[] = [];
  const refuse = (key: keyof ClusterSettings, limit: string): void => {
    problems.push({ key, value: String(settings[key]), limit });
  };
  if (guardKillMs >= stopBudgetMs) {
    refuse('guardKillMs', `less than settings.stopBudgetMs (${stopBudgetMs})`);
  }
  const least = 3 * renewIntervalMs + stopBudgetMs;
  if (leaseTtlMs < least) {
    refuse('leaseTtlMs', `at least ${least}: three times renewIntervalMs and stopBudgetMs`);
  }
  const fence = leaseTtlMs - stopBudgetMs;
  if (settings.synchronousMode !== 'off' && settings.syncFenceMs > fence) {
    refuse('syncFenceMs', `at most leaseTtlMs - stopBudgetMs (${fence})`);
  }
  return problems;
}
