import { becomeFollower } from './roles.ts';
import type { State } from './state.ts';
import { beginTransfer, bestSuccessor } from './transfer.ts';

const TRANSFER_AFTER_ELECTION_TIMEOUTS = 2;
const STEP_DOWN_AFTER_ELECTION_TIMEOUTS = 4;

/**
 * Ties leadership to the own disk. Heartbeats flow without it, so a leader with a stuck disk would
 * otherwise rule for ever (hashicorp/raft #503): it hands over first, and steps down when that did
 * not help. It does not campaign again before a write went through.
 */
export function onWriteStall(state: State, stallMs: number, electionTimeoutMs: number): void {
  state.writeStallMs = stallMs;
  state.electionTimeoutMs = electionTimeoutMs;
  if (stallMs === 0) {
    state.campaignWithheld = false;
    return;
  }
  if (stallMs > STEP_DOWN_AFTER_ELECTION_TIMEOUTS * electionTimeoutMs) {
    state.campaignWithheld = true;
    if (state.standing.kind !== 'follower') becomeFollower(state, state.term, 0, 'its disk hangs');
    return;
  }
  const { standing } = state;
  if (standing.kind !== 'leader' || standing.transfer !== null) return;
  if (stallMs <= TRANSFER_AFTER_ELECTION_TIMEOUTS * electionTimeoutMs) return;
  const successor = bestSuccessor(state, standing);
  if (successor !== null) beginTransfer(state, standing, successor.id);
}
