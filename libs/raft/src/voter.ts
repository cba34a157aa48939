import { campaignWithNextTick, mayCampaign } from './candidate.ts';
import type { PreVoteRequest, VoteRequest } from './messages.ts';
import { becomeFollower } from './roles.ts';
import type { State } from './state.ts';

/**
 * Sticky leader: while this member hears a leader, or is one whose quorum was checked lately, nobody
 * gets its vote (dissertation 4.2.3). This keeps a removed or returning member from disturbing.
 */
export function hearsLeader(state: State): boolean {
  return state.leader !== 0 && state.electionElapsedTicks < state.config.electionTicks;
}

/**
 * Two members whose timers fire at once would grant each other's pre-vote, campaign in the same term
 * and split it: half a leaderless second more. The lower id goes on, the other waits for its request;
 * for a moment only, since the request may never come over a link that is cut one way.
 */
function goesFirst(state: State, request: PreVoteRequest): boolean {
  const { standing, log, config } = state;
  return (
    standing.kind === 'preCandidate' &&
    state.ticks - standing.askedTick < config.heartbeatTicks &&
    request.term === state.term + 1 &&
    state.self < request.from &&
    log.lastIndex === request.lastIndex &&
    log.lastTerm === request.lastTerm
  );
}

/** A learner answers too: it may have been promoted without knowing it yet. */
export function onPreVoteRequest(state: State, request: PreVoteRequest): void {
  const free = !hearsLeader(state) && !state.campaignWithheld && request.term > state.term;
  const better =
    !state.log.isUpToDate(request.lastIndex, request.lastTerm) || goesFirst(state, request);
  const granted = free && !better;
  // A refusal tells our term, so that a longer log in a lower term can catch up and win (bugs 14-16).
  state.outbox.sendNow.push({
    type: 'preVoteResponse',
    from: state.self,
    to: request.from,
    term: granted ? request.term : state.term,
    granted,
  });
  if (free && better) makeClaim(state);
}

/**
 * Who refuses for its own log alone, or since it goes first, asks with its next tick. It may have asked before:
 * of one that still heard the leader, or over a link that was not up. Both would wait an election timeout
 * otherwise. No storm: each refuses only those that come after it by log and id, so one asking goes up that
 * order and ends.
 */
function makeClaim(state: State): void {
  if (state.standing.kind !== 'candidate' && mayCampaign(state)) campaignWithNextTick(state);
}

/** The request's term is ours by now. The answer leaves after the vote is durable (Raft figure 2). */
export function onVoteRequest(state: State, request: VoteRequest): void {
  const free = state.vote === request.from || (state.vote === 0 && state.leader === 0);
  const granted = free && state.log.isUpToDate(request.lastIndex, request.lastTerm);
  if (granted) {
    state.vote = request.from;
    if (state.standing.kind === 'preCandidate') {
      becomeFollower(state, state.term, 0, 'another one got its vote');
    }
    state.electionElapsedTicks = 0;
  }
  const box = granted ? state.outbox.afterPersist : state.outbox.sendNow;
  box.push({
    type: 'voteResponse',
    from: state.self,
    to: request.from,
    term: state.term,
    granted,
  });
}
