/**
 * The times of a lease. D = `leaseTtlMs`: a holder that sent a renewal at s, and had it confirmed, may
 * act until s + D by its own clock (reference/raft.md 5.2).
 */
export type LeaseTiming = {
  readonly leaseTtlMs: number;
  readonly renewIntervalMs: number;
  /** The holder begins to stop PostgreSQL this long before its right ends. */
  readonly stopBudgetMs: number;
  /** From SIGQUIT to SIGKILL; less than `stopBudgetMs`. */
  readonly guardKillMs: number;
};

/** Three renewals fit into a right: two may be lost. */
const RENEWALS_IN_A_RIGHT = 3;

/** The longest time between two renewals that still leaves a right its spare ones. */
export function longestIntervalMs(timing: Omit<LeaseTiming, 'guardKillMs'>): number {
  const { leaseTtlMs, renewIntervalMs, stopBudgetMs } = timing;
  const longest = Math.floor((leaseTtlMs - stopBudgetMs) / RENEWALS_IN_A_RIGHT);
  return Math.max(renewIntervalMs, longest);
}

export type LeaseWaitTerms = {
  readonly leaseTtlMs: number;
  /** rho: the largest rate error of any clock involved. */
  readonly clockRateErrorRatio: number;
  readonly leaseMarginMs: number;
};

/**
 * W = D(1+rho)/(1-rho) + m: what the leader's own clock must count since it last accepted a renewal
 * before the holder's right has surely ended.
 */
export function leaseWaitMs(terms: LeaseWaitTerms): number {
  const { leaseTtlMs, clockRateErrorRatio: rho, leaseMarginMs } = terms;
  return (leaseTtlMs * (1 + rho)) / (1 - rho) + leaseMarginMs;
}
