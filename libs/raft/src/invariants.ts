import { InvariantError } from '#libs/kernel';
import type { State } from './state.ts';

/**
 * Checked after each input, in production too: all are comparisons of numbers at hand. What needs
 * more than one member's memory is checked by the simulator (libs/testing/src/raft-simulator).
 */
export class Invariants {
  #term = 0;
  #vote = 0;
  #commitIndex = 0;
  #appliedIndex = 0;

  check(state: State): void {
    const { log, term, vote } = state;
    if (term < this.#term) broken('terms never fall', state);
    if (term === this.#term && this.#vote !== 0 && vote !== this.#vote) {
      broken('a member votes once in a term', state);
    }
    if (log.commitIndex < this.#commitIndex) broken('the commit index never falls', state);
    if (log.appliedIndex < this.#appliedIndex) broken('the applied index never falls', state);
    this.#term = term;
    this.#vote = vote;
    this.#commitIndex = log.commitIndex;
    this.#appliedIndex = log.appliedIndex;
    checkLog(state);
    checkStanding(state);
  }
}

function checkLog(state: State): void {
  const { log } = state;
  if (log.commitIndex > log.lastIndex) broken('nothing is committed beyond the log', state);
  if (log.appliedIndex > log.applyHandedIndex) broken('only what was handed is applied', state);
  if (log.applyHandedIndex > log.commitIndex) broken('only what is committed is applied', state);
  if (log.durableIndex > log.writeHandedIndex) broken('only what was written is durable', state);
  if (log.writeHandedIndex > log.lastIndex) broken('only what is in the log is written', state);
  if (log.lastTerm > state.term) broken('no entry comes from a later term', state);
  if (log.firstIndex > log.commitIndex + 1) broken('only what is committed is compacted', state);
  if (log.window.endIndex !== log.lastIndex + 1) broken('the window ends with the log', state);
  const neededIndex = Math.min(log.writeHandedIndex, log.applyHandedIndex) + 1;
  if (log.window.firstIndex > neededIndex) broken('what is still needed is in memory', state);
}

function checkStanding(state: State): void {
  const { standing, log } = state;
  if (state.matchedIndex > log.lastIndex) broken('what matches the leader is in the log', state);
  if (standing.kind === 'candidate' && state.vote !== state.self) {
    broken('a candidate votes for itself', state);
  }
  if (standing.kind !== 'leader') return;
  if (log.lastTerm !== state.term) broken("a leader's log ends in its own term", state);
  for (const peer of standing.peers) {
    if (peer.matchIndex > log.lastIndex || peer.nextIndex <= peer.matchIndex) {
      broken('a peer matches only what the leader has', state);
    }
  }
}

function broken(rule: string, state: State): never {
  const { log } = state;
  throw new InvariantError(rule, {
    self: state.self,
    role: state.standing.kind,
    term: state.term,
    vote: state.vote,
    matchedIndex: state.matchedIndex,
    firstIndex: log.firstIndex,
    appliedIndex: log.appliedIndex,
    applyHandedIndex: log.applyHandedIndex,
    commitIndex: log.commitIndex,
    durableIndex: log.durableIndex,
    writeHandedIndex: log.writeHandedIndex,
    lastIndex: log.lastIndex,
    lastTerm: log.lastTerm,
  });
}
