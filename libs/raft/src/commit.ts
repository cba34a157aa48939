import { entryBytes } from './entry-window.ts';
import { reachedByQuorum } from './quorum.ts';
import type { Leadership, State } from './state.ts';
import type { LogIndex, MemberId } from './types.ts';

/** The commit index never falls; what it covers is never truncated. */
export function commitTo(state: State, index: LogIndex): void {
  const { log } = state;
  if (index <= log.commitIndex) return;
  log.commitIndex = index;
  state.memberships.commitTo(index);
}

/**
 * Commits what a quorum holds on stable storage. Only an entry of the own term is counted; those
 * before it are committed by it (Raft 5.4.2, figure 8).
 */
export function advanceCommit(state: State, leadership: Leadership): void {
  const { log } = state;
  const reached = reachedByQuorum(state.memberships.current, (id) => durableOn(state, id));
  if (reached <= log.commitIndex || reached < leadership.ownTermIndex) return;
  for (let index = log.commitIndex + 1; index <= reached; index += 1) {
    leadership.uncommittedBytes -= entryBytes(log.window.at(index));
  }
  commitTo(state, reached);
}

/** The leader counts itself by what its own disk has, while followers write in parallel. */
function durableOn(state: State, id: MemberId): LogIndex {
  return id === state.self ? state.log.durableIndex : (state.peer(id)?.matchIndex ?? 0);
}

/** Reads and leases may be served: the entry that began the term is committed and applied here. */
export function isServing(state: State): boolean {
  const { standing, log } = state;
  return standing.kind === 'leader' && log.appliedIndex >= standing.ownTermIndex;
}
