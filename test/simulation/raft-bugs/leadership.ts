import { type Mutation, raft } from './mutation.ts';

export const LEADERSHIP: readonly Mutation[] = [
  {
    name: 'a leader without a quorum leads on (41)',
    file: raft('leader'),
    find: "  if (!heard) becomeFollower(state, state.term, 0, 'no majority answered for an election timeout');\n",
    replace: '  if (!heard) state.electionElapsedTicks = 0;\n',
  },
  {
    name: 'a member that hears a leader votes for another (41)',
    file: raft('voter'),
    find: 'state.leader !== 0 && state.electionElapsedTicks < state.config.electionTicks',
    replace: 'state.leader === state.self',
  },
  {
    name: 'whoever is asked in vain forgets that it hears a leader',
    file: raft('voter'),
    find: 'if (free && better) makeClaim(state);',
    replace: 'if (!granted) makeClaim(state);',
  },
  {
    name: 'a leader takes back its last entry (35)',
    file: raft('transfer'),
    find: '>= state.config.electionTicks) leadership.transfer = null;\n',
    replace:
      '>= state.config.electionTicks) {\n    leadership.transfer = null;\n    const { log } = state;\n' +
      '    const spare = log.lastIndex > log.commitIndex && log.termOf(log.lastIndex - 1) === state.term;\n' +
      '    if (spare) log.truncateFrom(log.lastIndex);\n  }\n',
  },
  {
    name: 'a leader with a stuck disk leads on (3)',
    file: raft('write-stall'),
    find: "if (state.standing.kind !== 'follower') becomeFollower(state, state.term, 0, 'its disk hangs');",
    replace: '',
  },
  {
    name: 'a removed leader leads on (36)',
    file: raft('flush'),
    find: '  if (state.isVoter) return;\n',
    replace: '  if (state.term > 0) return;\n',
  },
  {
    name: 'each refusal resends a whole window',
    file: raft('progress'),
    find: '    this.inflightLimit = 1;\n',
    replace: '    this.inflightLimit = INFLIGHT_LIMIT_MAX;\n',
  },
];
