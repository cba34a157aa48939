import { confirmRounds } from './leader.ts';
import { dropDepartedPeers } from './peers.ts';
import { leaveJointWhenReady } from './proposals.ts';
import { replicate, sendHeartbeat } from './replication.ts';
import { becomeFollower } from './roles.ts';
import type { Leadership, State } from './state.ts';
import { bestSuccessor, orderCampaign } from './transfer.ts';

/** Turns what changed since the last output into messages: one batch for a whole turn of inputs. */
export function flush(state: State): void {
  if (state.standing.kind === 'leader') flushLeader(state, state.standing);
  else flushFollower(state);
}

function flushLeader(state: State, leadership: Leadership): void {
  leaveJointWhenReady(state, leadership);
  const beat = leadership.heartbeatDue || leadership.rounds.mayBegin;
  if (beat) leadership.rounds.begin(state.log.commitIndex);
  leadership.heartbeatDue = false;
  for (const peer of leadership.peers) {
    replicate(state, peer);
    // Followers apply as soon as they know of a commit, so it never waits for the next heartbeat.
    if (beat || peer.toldCommitIndex < state.log.commitIndex) {
      sendHeartbeat(state, leadership, peer);
    }
  }
  if (beat) confirmRounds(state, leadership);
  if (state.memberships.index <= state.log.commitIndex) settleMembership(state, leadership);
}

function flushFollower(state: State): void {
  const { leader, log } = state;
  if (!state.ackOwed || leader === 0) return;
  state.ackOwed = false;
  state.outbox.afterPersist.push({
    type: 'appendResponse',
    from: state.self,
    to: leader,
    term: state.term,
    outcome: 'matched',
    index: state.matchedIndex,
    hintIndex: log.commitIndex,
    hintTerm: 0,
  });
}

/** After a committed change: departed peers are let go, and a leader that left hands over. */
function settleMembership(state: State, leadership: Leadership): void {
  dropDepartedPeers(state, leadership);
  if (state.isVoter) return;
  const successor = bestSuccessor(state, leadership);
  if (successor !== null) orderCampaign(state, successor.id);
  becomeFollower(state, state.term, 0, 'it is no voter any more');
}
