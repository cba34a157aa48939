import type { AgentReport } from '#libs/cluster';

/** The last report of an instance, and how long ago it came. */
export type Heard = { readonly report: AgentReport; readonly ageMs: number };

/** After this long without a report an instance is shown as silent. */
export const SILENT_AFTER_MS = 5_000;
