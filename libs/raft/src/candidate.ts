import type { PreVoteResponse, VoteResponse } from './messages.ts';
import { type VoteResult, voteResult } from './quorum.ts';
import type { RoleReason } from './role-reasons.ts';
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from './roles.ts';
import type { State } from './state.ts';
import type { MemberId } from './types.ts';

/**
 * A member may ask for votes when it is a voter, has applied every committed membership (it may lack
 * the newest one otherwise, etcd #7625), has its state machine in step and trusted, and its disk works.
 */
export function mayCampaign(state: State): boolean {
  const { log, memberships } = state;
  if (!memberships.mayLead(state.self) || state.campaignWithheld || state.barred) return false;
  if (log.appliedIndex < log.snapshotIndex) return false;
  return !memberships.hasBetween(log.appliedIndex, log.commitIndex);
}

/**
 * As if its timer ended then. Ticks of members lie apart, so those that have the same reason seldom ask at
 * once; and whoever is about to win is heard before, which sets the timer anew.
 */
export function campaignWithNextTick(state: State): void {
  state.electionElapsedTicks = state.electionTimeoutTicks - 1;
}

/** Asks whether an election could be won, without disturbing anyone's term (dissertation 9.6). */
export function preCampaign(state: State, why: RoleReason): void {
  becomePreCandidate(state, why);
  if (state.standing.kind !== 'preCandidate') return;
  if (voteResult(state.memberships.current, state.standing.votes) === 'won') {
    campaign(state, false, why);
    return;
  }
  const { lastIndex, lastTerm } = state.log;
  for (const to of otherVoters(state)) {
    state.outbox.sendNow.push({
      type: 'preVoteRequest',
      from: state.self,
      to,
      term: state.term + 1,
      lastIndex,
      lastTerm,
    });
  }
}

/**
 * Enters a new term and asks for votes. The requests wait for the disk as the own vote does: a
 * candidate that crashed could otherwise come back with a shorter log, campaign in the same term
 * again, and count votes that were given to the longer log.
 */
export function campaign(state: State, transfer: boolean, why: RoleReason): void {
  becomeCandidate(state, why);
  const { lastIndex, lastTerm } = state.log;
  for (const to of otherVoters(state)) {
    state.outbox.afterPersist.push({
      type: 'voteRequest',
      from: state.self,
      to,
      term: state.term,
      lastIndex,
      lastTerm,
      transfer,
    });
  }
}

export function onPreVoteResponse(state: State, response: PreVoteResponse): void {
  if (state.standing.kind !== 'preCandidate') return;
  if (response.granted && response.term !== state.term + 1) return;
  if (!response.granted && response.term !== state.term) return;
  const result = count(state, state.standing.votes, response.from, response.granted);
  if (result === 'won' && mayCampaign(state)) campaign(state, false, state.why);
  else if (result !== 'open') becomeFollower(state, state.term, 0, 'it got no majority');
}

export function onVoteResponse(state: State, response: VoteResponse): void {
  if (state.standing.kind !== 'candidate') return;
  settle(state, count(state, state.standing.votes, response.from, response.granted));
}

/** A write became durable: if it carried our own vote, that vote counts now. */
export function onVotePersisted(state: State): void {
  const { standing } = state;
  if (standing.kind !== 'candidate' || standing.votes.has(state.self)) return;
  if (state.log.writes.ackedSeq < standing.ownVoteSeq) return;
  settle(state, count(state, standing.votes, state.self, true));
}

function settle(state: State, result: VoteResult): void {
  if (result === 'won') becomeLeader(state);
  else if (result === 'lost') becomeFollower(state, state.term, 0, 'it got no majority');
}

/** The first answer of a member counts. */
function count(
  state: State,
  votes: Map<MemberId, boolean>,
  from: MemberId,
  granted: boolean,
): VoteResult {
  if (!votes.has(from)) votes.set(from, granted);
  return voteResult(state.memberships.current, votes);
}

function otherVoters(state: State): readonly MemberId[] {
  const { voters, outgoing } = state.memberships.current;
  const ids = new Set([...voters, ...outgoing]);
  ids.delete(state.self);
  return [...ids];
}
