import { mayCampaign, preCampaign } from './candidate.ts';
import { checkQuorum } from './leader.ts';
import type { Leadership, State } from './state.ts';
import { abortLateTransfer } from './transfer.ts';

/** One tick of the host's clock. */
export function tick(state: State): void {
  state.ticks += 1;
  state.electionElapsedTicks += 1;
  if (state.standing.kind === 'leader') tickLeader(state, state.standing);
  else tickElection(state);
}

function tickLeader(state: State, leadership: Leadership): void {
  leadership.heartbeatElapsedTicks += 1;
  if (leadership.heartbeatElapsedTicks >= state.config.heartbeatTicks) {
    leadership.heartbeatElapsedTicks = 0;
    leadership.heartbeatDue = true;
  }
  abortLateTransfer(state, leadership);
  state.electionElapsedTicks = 0;
  checkQuorum(state);
}

function tickElection(state: State): void {
  if (state.electionElapsedTicks < state.electionTimeoutTicks) return;
  state.electionElapsedTicks = 0;
  const silent = 'the leader was not heard for an election timeout';
  const ended = 'the process of the leader ended';
  const why = state.why === ended ? ended : silent;
  if (mayCampaign(state)) {
    preCampaign(state, why);
  } else if (state.standing.kind === 'follower') {
    state.standing = { kind: 'follower', leader: 0 };
    state.why = why;
  }
}
