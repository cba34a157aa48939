import { assert, unreachable } from '#libs/kernel';
import { onPreVoteResponse, onVoteResponse } from './candidate.ts';
import { follow, onAppendRequest, onHeartbeat } from './follower.ts';
import { onAppendResponse, onHeartbeatResponse } from './leader.ts';
import type { Message } from './messages.ts';
import type { RoleReason } from './role-reasons.ts';
import { becomeFollower } from './roles.ts';
import type { State } from './state.ts';
import { onTimeoutNow } from './transfer.ts';
import type { MemberId } from './types.ts';
import { hearsLeader, onPreVoteRequest, onVoteRequest } from './voter.ts';

/** Takes one message from the network: first the rule of terms (Raft 5.1), then the room it belongs to. */
export function step(state: State, message: Message): void {
  if (message.to !== state.self || message.from === state.self) return;
  // Pre-votes ask about a term that nobody has entered: they change no term.
  if (message.type === 'preVoteRequest') {
    onPreVoteRequest(state, message);
    return;
  }
  if (message.type === 'preVoteResponse' && message.granted) {
    onPreVoteResponse(state, message);
    return;
  }
  if (message.term < state.term) {
    answerStale(state, message);
    return;
  }
  if (message.term > state.term) {
    if (message.type === 'voteRequest' && !message.transfer && hearsLeader(state)) return;
    const leader = speaksAsLeader(message) ? message.from : 0;
    becomeFollower(state, message.term, leader, whyNewer(state));
  }
  dispatch(state, message);
}

function whyNewer({ standing }: State): RoleReason {
  const handedOver = standing.kind === 'leader' && standing.transfer?.ordered === true;
  return handedOver ? 'it handed over' : 'a newer term began elsewhere';
}

function dispatch(state: State, message: Message): void {
  const { standing } = state;
  assert(!(standing.kind === 'leader' && speaksAsLeader(message)), 'a term has one leader', {
    term: state.term,
    self: state.self,
    other: message.from,
  });
  switch (message.type) {
    case 'preVoteRequest':
      return;
    case 'preVoteResponse':
      onPreVoteResponse(state, message);
      return;
    case 'voteRequest':
      onVoteRequest(state, message);
      return;
    case 'voteResponse':
      onVoteResponse(state, message);
      return;
    case 'appendRequest':
      onAppendRequest(state, message);
      return;
    case 'appendResponse':
      if (standing.kind === 'leader') onAppendResponse(state, standing, message);
      return;
    case 'heartbeat':
      onHeartbeat(state, message);
      return;
    case 'heartbeatResponse':
      if (standing.kind === 'leader') onHeartbeatResponse(state, standing, message);
      return;
    case 'timeoutNow':
      onTimeoutNow(state, message);
      return;
    case 'snapshotChunk':
      follow(state, message.from);
      return;
    case 'snapshotAck':
      noteActive(state, message.from);
      return;
    default:
      unreachable(message);
  }
}

/** Tells a leader or candidate of an older term that it is one; answers of older terms say nothing. */
function answerStale(state: State, message: Message): void {
  if (message.type === 'voteRequest') {
    state.outbox.sendNow.push({
      type: 'voteResponse',
      from: state.self,
      to: message.from,
      term: state.term,
      granted: false,
    });
  } else if (speaksAsLeader(message)) {
    state.outbox.sendNow.push({
      type: 'heartbeatResponse',
      from: state.self,
      to: message.from,
      term: state.term,
      round: 0,
      writeStallMs: state.writeStallMs,
    });
  }
}

/** Only the leader of a term sends these. */
function speaksAsLeader(message: Message): boolean {
  switch (message.type) {
    case 'appendRequest':
    case 'heartbeat':
    case 'timeoutNow':
    case 'snapshotChunk':
      return true;
    default:
      return false;
  }
}

function noteActive(state: State, from: MemberId): void {
  const peer = state.peer(from);
  if (peer !== undefined) peer.heardTick = state.ticks;
}
