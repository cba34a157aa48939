import { type Mutation, raft } from './mutation.ts';

/** Changes that are no bugs: a check that catches one of them cries wolf. */
export const HARMLESS: readonly Mutation[] = [
  {
    name: 'commits wait for the regular heartbeat',
    file: raft('flush'),
    find: 'beat || peer.toldCommitIndex < state.log.commitIndex',
    replace: 'beat',
  },
  {
    name: 'a refusal steps back by one entry',
    file: raft('leader'),
    find: 'peer.becomeProbe(agreeing + 1);',
    replace: 'peer.becomeProbe(Math.max(agreeing + 1, index));',
  },
  {
    name: 'fewer rounds under way',
    file: raft('rounds'),
    find: 'ROUNDS_IN_FLIGHT_MAX = 32',
    replace: 'ROUNDS_IN_FLIGHT_MAX = 1',
  },
  {
    name: 'every peer is fed one request at a time',
    file: raft('progress'),
    find: 'INFLIGHT_LIMIT_MAX = 1_024',
    replace: 'INFLIGHT_LIMIT_MAX = 1',
  },
];
