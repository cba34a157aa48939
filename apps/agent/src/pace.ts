import { type ClusterState, isSynchronous } from '#libs/cluster';

/** Times from one to the next while nothing happens: each costs processor time on every host, all day. */
type Pace = { readonly observeMs: number; readonly reportMs: number };

/** A change is reported at once, whatever the pace. A report counts for `suspectAfterMs`, 800 by default. */
const EASY: Pace = { observeMs: 400, reportMs: 400 };
/** A silent primary is to be called 300 ms after its last byte, and the leader tells of its own suspicion in answers. */
const WATCHFUL: Pace = { observeMs: 200, reportMs: 300 };

/** Without waiting commits a lost primary is noticed by its lease, which nobody's look makes any faster. */
export function paceOf(state: ClusterState | null): Pace {
  return state !== null && isSynchronous(state) ? WATCHFUL : EASY;
}

/**
 * How long to wait for the next beat of a grid that all of this process's regular duties share, so that
 * one wake-up serves the look at PostgreSQL, the report and the ping of the guard.
 */
export function untilNextBeat(nowMs: number, periodMs: number): number {
  return periodMs - (nowMs % periodMs);
}
