import { type Mutation, raft } from './mutation.ts';

export const MEMBERSHIP: readonly Mutation[] = [
  {
    name: 'learners are counted in commits (19)',
    file: raft('quorum'),
    find: 'const incoming = reachedByMajority(membership.voters, valueAt);',
    replace:
      'const incoming = reachedByMajority([...membership.voters, ...membership.learners], valueAt);',
  },
  {
    name: 'the old half of a joint membership is not asked for commits',
    file: raft('quorum'),
    find: 'if (membership.outgoing.length === 0) return incoming;',
    replace: 'if (membership.outgoing.length >= 0) return incoming;',
  },
  {
    name: 'the old half of a joint membership is not asked for votes',
    file: raft('quorum'),
    find: ' && isMajority(membership.outgoing, agrees)',
    replace: '',
  },
  {
    name: 'a truncated membership stays in force (34)',
    file: raft('log-growth'),
    find: '    state.memberships.truncateFrom(entry.index);\n',
    replace: '',
  },
  {
    name: 'a second change before the first is committed (17)',
    file: raft('proposals'),
    find: 'memberships.index > log.appliedIndex || memberships.current.outgoing.length > 0',
    replace: 'memberships.current.outgoing.length > 0',
  },
  {
    name: 'a change before the own term is committed (18)',
    file: raft('proposals'),
    find: "  if (!isServing(state)) return refused(state, 'notServing');\n",
    replace: '',
  },
  {
    name: 'a replacement without the joint step',
    file: raft('membership'),
    find: 'outgoing: voters,',
    replace: 'outgoing: [],',
  },
  {
    name: 'the joint membership is left before it is committed',
    file: raft('proposals'),
    find: 'if (joint.outgoing.length === 0 || memberships.index > log.appliedIndex) return;',
    replace: 'if (joint.outgoing.length === 0) return;',
  },
  {
    name: 'the joint membership is never left',
    file: raft('proposals'),
    find: 'if (isServing(state)) appendMembership(state, leadership, leftJoint(joint));',
    replace: 'if (!isServing(state)) appendMembership(state, leadership, leftJoint(joint));',
  },
  {
    name: 'a snapshot does not bring its membership (20, 34)',
    file: raft('follower'),
    find: '  state.memberships.reset(meta.index, meta.membership);\n',
    replace: '',
  },
];
