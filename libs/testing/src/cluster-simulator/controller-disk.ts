import type { InitialState, Membership, PersistBatch, TermRun } from '#libs/raft';
import type { SimController } from './sim-controller.ts';

export function persist(disk: SimController['disk'], batch: PersistBatch): void {
  if (batch.truncateFrom !== null) disk.entries.length = batch.truncateFrom - 1;
  disk.entries.push(...batch.entries);
  if (batch.hardState !== null) disk.hardState = batch.hardState;
}

/** The state machine is not kept: a controller that starts again applies its log from the beginning. */
export function initialState(disk: SimController['disk'], membership: Membership): InitialState {
  const termRuns: TermRun[] = [];
  let term = 0;
  for (const entry of disk.entries) {
    if (entry.term !== term) termRuns.push({ firstIndex: entry.index, term: entry.term });
    term = entry.term;
  }
  return {
    hardState: disk.hardState,
    snapshot: { index: 0, term: 0, membership },
    membership,
    membershipIndex: 0,
    firstIndex: 1,
    lastIndex: disk.entries.length,
    termRuns,
    appliedIndex: 0,
    tail: [...disk.entries],
  };
}
