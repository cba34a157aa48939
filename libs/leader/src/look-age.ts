import type { AgentReport } from '#libs/cluster';

/**
 * How old the look of a healthy agent may be when it reports: the next one comes a second later at the
 * calmest pace, and may take the second that PostgreSQL is given for its answer.
 */
const LOOK_AGE_USUAL_MS = 2_000;

/** Since the look began that a report tells of, as it came; an agent of an earlier version does not say. */
export function lookAgeOf({ lookAgeMs }: Pick<AgentReport, 'lookAgeMs'>): number {
  return lookAgeMs ?? 0;
}

/**
 * How much earlier than it came a report counts as heard. An agent whose look hangs goes on reporting what
 * it saw last: that becomes as unknown as what a silent one said (safety 24). A look that is merely slow
 * makes nobody silent.
 */
export function overdueMs(report: Pick<AgentReport, 'lookAgeMs'>): number {
  return Math.max(0, lookAgeOf(report) - LOOK_AGE_USUAL_MS);
}
