import { type Lsn, type TimelineId, walLagBytes } from '#libs/kernel';
import type { Mode } from '../../bench/failover/fault.ts';

/** Where the cluster left a timeline for the next one. */
export type Fork = { readonly from: TimelineId; readonly lsn: Lsn };

/**
 * WAL that was acknowledged and is not in the history, in the worst of the failovers: acknowledged
 * beyond the point where the timeline was left.
 */
export function lostBytesOf(
  forks: readonly Fork[],
  acknowledgedTo: ReadonlyMap<TimelineId, Lsn>,
): bigint {
  let worst = 0n;
  for (const { from, lsn } of forks) {
    const reached = acknowledgedTo.get(from);
    if (reached === undefined) continue;
    const lost = walLagBytes(reached, lsn);
    if (lost > worst) worst = lost;
  }
  return worst;
}

/** Null: not counted, which keeps no promise but breaks none by itself. */
export type Counted = {
  readonly dual: number;
  readonly lost: number | null;
  readonly lostBytes: number | null;
};

/** What of the mode's promise was broken; null when it held. */
export function brokenPromise(mode: Mode, counted: Counted, limitBytes: number): string | null {
  const { dual, lost, lostBytes } = counted;
  if (dual > 0) return `${dual} acknowledgements were dual`;
  if (mode !== 'async' && lost !== null && lost > 0) return `${lost} acknowledged rows were lost`;
  if (lostBytes !== null && lostBytes > limitBytes)
    return `${lostBytes} bytes were lost, the limit is ${limitBytes}`;
  return null;
}
