import type { LeaseTiming } from '#libs/lease';
import type { GrantedTiming } from './configuration.ts';
import type { ClusterSettings } from './settings.ts';

/**
 * The times that a guard is told with its epoch. In a synchronous mode it stops PostgreSQL `syncFenceMs`
 * after its last confirmed renewal, earlier than the lease demands: data fencing makes a successor
 * possible that soon, and until then a fenced primary serves stale reads and shows commits that nobody
 * has (safety 12). To the guard this is a longer budget: all of it lies before the end of its right.
 * The lease itself keeps the times of its grant: the leader waits by those.
 */
export function guardTimes(settings: ClusterSettings, granted: GrantedTiming): LeaseTiming {
  const { leaseTtlMs, renewIntervalMs, stopBudgetMs, guardKillMs } = granted;
  const times = { leaseTtlMs, renewIntervalMs, guardKillMs };
  const { synchronousMode, syncFenceMs } = settings;
  if (synchronousMode === 'off') return { ...times, stopBudgetMs };
  return { ...times, stopBudgetMs: Math.max(stopBudgetMs, leaseTtlMs - syncFenceMs) };
}
