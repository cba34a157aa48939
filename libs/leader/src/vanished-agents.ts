import type { AgentReport, GuardObservation, VanishedAgent } from '#libs/cluster';

/** An agent that is replaced by its successor is away for less. */
export const ABSENT_TOO_MS = 3_000;

/** Where thousands vanish, each cluster would ask about all others at every turn: one so near tells enough. */
const NEAR_ENOUGH_MS = 1_000;

/** What is looked at of one instance; ages are of its last report and of its guard's last word. */
export type LastHeard = {
  readonly report: Pick<AgentReport, 'leaving'> | null;
  readonly reportAgeMs: number;
  readonly guard: Pick<GuardObservation, 'agentAbsentMs'> | null;
  readonly guardAgeMs: number;
};

/** How long the agent of the primary has been gone, as its guard says; 0 while none is missed. */
export function agentGoneMs(own: Iterable<LastHeard>): number {
  let goneMs = 0;
  for (const { guard, guardAgeMs } of own) {
    if (guard !== null && guard.agentAbsentMs >= ABSENT_TOO_MS) {
      goneMs = Math.max(goneMs, guard.agentAbsentMs + guardAgeMs);
    }
  }
  return goneMs;
}

/**
 * Of agents of other clusters, also of standbys, the one that fell silent nearest to the moment at which
 * this cluster's did: what stops many agents at once shows there (safety 21). One that said it leaves was
 * stopped by its host's shutdown, and one that this leader never heard cannot be dated.
 */
export function vanishedNearest(
  others: Iterable<readonly [cluster: string, instances: Iterable<LastHeard>]>,
  goneMs: number,
): VanishedAgent | null {
  let nearest: VanishedAgent | null = null;
  for (const [cluster, instances] of others) {
    for (const { report, reportAgeMs: silentMs } of instances) {
      if (report === null || report.leaving === true || silentMs < ABSENT_TOO_MS) continue;
      const apartMs = Math.abs(silentMs - goneMs);
      if (nearest === null || apartMs < nearest.apartMs) nearest = { cluster, apartMs };
      if (apartMs < NEAR_ENOUGH_MS) return nearest;
    }
  }
  return nearest;
}
