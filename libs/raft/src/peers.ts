import { Progress } from './progress.ts';
import type { Leadership, State } from './state.ts';
import type { MemberId } from './types.ts';

/** It answered within the last election timeout. */
export function isActive(state: State, peer: Progress): boolean {
  return state.ticks - peer.heardTick < state.config.electionTicks;
}

/** This member, or a peer that answered within the last election timeout. */
export function isHeard(state: State, id: MemberId): boolean {
  if (id === state.self) return true;
  const peer = state.peer(id);
  return peer !== undefined && isActive(state, peer);
}

/** Begins to feed members that are new in the current membership. */
export function syncPeers(state: State, leadership: Leadership): void {
  for (const { id } of state.memberships.current.members) {
    if (id === state.self || leadership.peers.some((peer) => peer.id === id)) continue;
    leadership.peers.push(new Progress(id, state.log.lastIndex + 1, state.ticks));
  }
}

/** Stops feeding members that left, once that is committed: until then they may need to hear of it. */
export function dropDepartedPeers(state: State, leadership: Leadership): void {
  const { members } = state.memberships.current;
  if (leadership.peers.length < members.length) return;
  leadership.peers = leadership.peers.filter((peer) => members.some(({ id }) => id === peer.id));
}
