import { type ClusterState, isSynchronous, type SynchronousInForce } from '#libs/cluster';
import type { SynchronousFacts } from '../steps/step-context.ts';

/** What the leader is told of what commits wait for; null in clusters whose commits wait for nobody. */
export function proofReportOf(
  state: ClusterState | null,
  facts: SynchronousFacts | null,
  absent: SynchronousInForce['absent'],
): Omit<SynchronousInForce, 'setting'> | null {
  // Also while a mode that was switched off is being left: the leader goes on with what is proved only.
  if (state === null || (state.sync === undefined && !isSynchronous(state))) return null;
  if (facts === null) return { proved: false, order: null, flushedTo: null, absent };
  const { order, flushedTo, armed, text } = facts;
  return { proved: armed || text === '', order, flushedTo, absent };
}
