import { isServing } from './commit.ts';
import type { RaftStatus } from './ports.ts';
import type { State } from './state.ts';
import { roleOf } from './take-output.ts';

export function statusOf(state: State): RaftStatus {
  const { log, standing } = state;
  const peers = standing.kind === 'leader' ? standing.peers : [];
  return {
    self: state.self,
    role: roleOf(state),
    term: state.term,
    vote: state.vote,
    leader: state.leader,
    serving: isServing(state),
    commitIndex: log.commitIndex,
    appliedIndex: log.appliedIndex,
    durableIndex: log.durableIndex,
    lastIndex: log.lastIndex,
    firstIndex: log.firstIndex,
    membership: state.memberships.current,
    peers: peers.map(({ id, state: phase, matchIndex, nextIndex, recentlyActive }) => ({
      id,
      state: phase,
      matchIndex,
      nextIndex,
      recentlyActive,
    })),
  };
}
