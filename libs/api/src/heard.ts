import type { AgentReport } from '#libs/cluster';

/** The last report of an instance, and how long ago it came. */
export type Heard = { readonly report: AgentReport; readonly ageMs: number };

/** After this long without a report an instance is shown as silent. */
export const SILENT_AFTER_MS = 5_000;

/**
 * For how long the controller that answers has listened as the leader; null: it does not lead and hears
 * nobody. Before it has listened as long as silence takes, who was not heard is not silent.
 */
export type ListeningForMs = number | null;

/** Listens for ever: who is not heard is silent. */
export const LISTENS_EVER: ListeningForMs = Number.POSITIVE_INFINITY;

export function isUnheard(heard: Heard | undefined, listeningForMs: ListeningForMs): boolean {
  return heard === undefined && (listeningForMs ?? 0) <= SILENT_AFTER_MS;
}
