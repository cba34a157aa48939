import { isServing } from './commit.ts';
import { isActive } from './peers.ts';
import type { RaftStatus } from './ports.ts';
import type { State } from './state.ts';
import { roleOf } from './take-output.ts';

export function statusOf(state: State): RaftStatus {
  const { log, standing } = state;
  const peers = standing.kind === 'leader' ? standing.peers : [];
  return {
    self: state.self,
    role: roleOf(state),
    why: state.why,
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
    appendRejects: state.appendRejects,
    diskKeepsUp: state.keepsUp(state.writeStallMs),
    peers: peers.map((peer) => ({
      id: peer.id,
      state: peer.state,
      matchIndex: peer.matchIndex,
      nextIndex: peer.nextIndex,
      recentlyActive: isActive(state, peer),
      inflightAppends: peer.inflightCount,
      writeStallMs: peer.writeStallMs,
      diskKeepsUp: state.keepsUp(peer.writeStallMs),
    })),
  };
}
