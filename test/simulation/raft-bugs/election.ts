import { type Mutation, raft } from './mutation.ts';

export const ELECTION: readonly Mutation[] = [
  {
    name: 'two votes in a term (44)',
    file: raft('voter'),
    find: 'state.vote === request.from || (state.vote === 0 && state.leader === 0)',
    replace: 'state.leader === 0',
  },
  {
    name: 'logs are compared by length, not by term',
    file: raft('log-view'),
    find: 'lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex)',
    replace: 'lastIndex >= this.lastIndex',
  },
  {
    name: 'any log may win an election',
    file: raft('voter'),
    find: 'free && state.log.isUpToDate(request.lastIndex, request.lastTerm)',
    replace: 'free',
  },
  {
    name: 'a refused pre-vote does not spread the term (14, 15, 16)',
    file: raft('voter'),
    find: 'term: granted ? request.term : state.term',
    replace: 'term: granted ? request.term : request.term - 1',
  },
  {
    name: 'an old leader is not told of the newer term',
    file: raft('step'),
    find: '} else if (speaksAsLeader(message)) {',
    replace: "} else if (message.type === 'timeoutNow') {",
  },
  {
    name: 'half of an even group is a majority (5)',
    file: raft('quorum'),
    find: 'Math.floor(count / 2) + 1',
    replace: 'Math.ceil(count / 2)',
  },
];
