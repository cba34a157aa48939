import { type ClusterState, isSynchronous } from '#libs/cluster';

/** Times from one to the next while nothing happens: each costs processor time on every host, all day. */
export type Pace = { readonly observeMs: number; readonly reportMs: number };

/** A change is reported at once, whatever the pace. A report counts for `suspectAfterMs`, 800 by default. */
const EASY: Pace = { observeMs: 400, reportMs: 400 };
/** A silent primary is to be called 300 ms after its last byte, and the leader tells of its own suspicion in answers. */
const WATCHFUL: Pace = { observeMs: 200, reportMs: 300 };

/**
 * Without waiting commits a lost primary is noticed by its lease, which nobody's look makes any faster.
 * `calmMs`: how much longer than usual nothing needs to be looked at or told, 0 while anything happens.
 */
export function paceOf(state: ClusterState | null, calmMs: number): Pace {
  if (state !== null && isSynchronous(state)) return WATCHFUL;
  return { observeMs: EASY.observeMs + calmMs, reportMs: EASY.reportMs + calmMs };
}

/** Of the time that somebody waited for PostgreSQL already: so much later its answer may be seen. */
const LATE_SHARE = 0.05;

/**
 * While somebody waits, the next look comes after `hurryMs`. A server that does not let anybody in yet writes two
 * lines to its log for each, and a recovery from an archive may take hours: the longer it lasts, the fewer.
 */
export function hurriedLookMs(hurryMs: number, startingForMs: number, easyMs: number): number {
  return Math.max(hurryMs, Math.min(easyMs, startingForMs * LATE_SHARE));
}
