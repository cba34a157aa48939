import { ROUND_WITHOUT_QUORUM, SIMULATED_READ_WITHOUT_ROUND } from '../stale-reads.ts';
import { type Mutation, raft } from './mutation.ts';

export const ROUNDS: readonly Mutation[] = [
  {
    name: 'an answer to an old round confirms a new one (7)',
    file: raft('leader'),
    find: 'peer.answeredRound = response.round;',
    replace: 'peer.answeredRound = leadership.rounds.newestSent;',
  },
  {
    name: 'a read joins a round that has already left (7)',
    file: raft('rounds'),
    find: '    this.#waiting ??= this.#newestSent + 1;',
    replace:
      '    if (this.#sent.length > 0) return this.#newestSent;\n    this.#waiting ??= this.#newestSent + 1;',
  },
  ROUND_WITHOUT_QUORUM,
  SIMULATED_READ_WITHOUT_ROUND,
  {
    name: 'served before the own term is committed (8)',
    file: raft('commit'),
    find: "standing.kind === 'leader' && log.appliedIndex >= standing.ownTermIndex",
    replace: "standing.kind === 'leader' && log.appliedIndex >= 0",
  },
  {
    name: 'a read sees what is applied, not what is committed',
    file: raft('flush'),
    find: 'leadership.rounds.begin(state.log.commitIndex)',
    replace: 'leadership.rounds.begin(Math.max(0, state.log.commitIndex - 1))',
  },
];
