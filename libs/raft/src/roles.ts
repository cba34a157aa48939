import { assert } from '#libs/kernel';
import { entryBytes } from './entry-window.ts';
import { appendOwn } from './log-growth.ts';
import { syncPeers } from './peers.ts';
import type { RoleReason } from './role-reasons.ts';
import { Rounds } from './rounds.ts';
import type { State } from './state.ts';
import type { MemberId, Term } from './types.ts';

/** Moves to `term` (never back) as a follower of `leader`, which may not be known yet. */
export function becomeFollower(
  state: State,
  term: Term,
  leader: MemberId | 0,
  why: RoleReason,
): void {
  assert(term >= state.term, 'terms never fall', { term, current: state.term });
  if (state.standing.kind === 'leader') leaveLeadership(state);
  if (term > state.term) enterTerm(state, term, 0);
  state.standing = { kind: 'follower', leader };
  state.why = why;
  state.electionElapsedTicks = 0;
  state.drawElectionTimeout();
}

export function becomePreCandidate(state: State, why: RoleReason): void {
  const votes = new Map([[state.self, true]]);
  state.standing = { kind: 'preCandidate', votes, askedTick: state.ticks };
  state.why = why;
  state.electionElapsedTicks = 0;
  state.drawElectionTimeout();
}

/** Enters the next term with a vote for itself; the vote counts once it is durable. */
export function becomeCandidate(state: State, why: RoleReason): void {
  enterTerm(state, state.term + 1, state.self);
  state.standing = { kind: 'candidate', votes: new Map(), ownVoteSeq: state.log.writes.nextSeq };
  state.why = why;
  state.electionElapsedTicks = 0;
  state.drawElectionTimeout();
}

/** Takes office: the empty entry of the new term commits all that was inherited (Raft 5.4.2). */
export function becomeLeader(state: State): void {
  const { log } = state;
  let uncommittedBytes = 0;
  for (let index = log.commitIndex + 1; index <= log.lastIndex; index += 1) {
    uncommittedBytes += entryBytes(log.window.at(index));
  }
  state.standing = {
    kind: 'leader',
    ownTermIndex: log.lastIndex + 1,
    peers: [],
    rounds: new Rounds(state.lastRound),
    transfer: null,
    heartbeatElapsedTicks: 0,
    heartbeatDue: true,
    uncommittedBytes,
  };
  state.why = 'a majority voted for it';
  state.electionElapsedTicks = 0;
  syncPeers(state, state.standing);
  appendOwn(state, state.standing, { kind: 'empty', index: log.lastIndex + 1, term: state.term });
}

function enterTerm(state: State, term: Term, vote: MemberId | 0): void {
  state.term = term;
  state.vote = vote;
  state.matchedIndex = 0;
  state.ackOwed = false;
}

function leaveLeadership(state: State): void {
  if (state.standing.kind !== 'leader') return;
  const { rounds } = state.standing;
  state.lastRound = rounds.newest;
  rounds.lose(state.outbox.rounds);
}
