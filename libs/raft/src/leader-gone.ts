import { campaignWithNextTick } from './candidate.ts';
import { becomeFollower } from './roles.ts';
import type { State } from './state.ts';
import type { MemberId } from './types.ts';

/**
 * The kernel of its host closed all connections with `id`: whoever followed it has no leader, and asks for
 * pre-votes with the next tick instead of after an election timeout. Where it leads on, as after connections
 * that something between reset, the others hear it and refuse. Ticks of members lie apart, and those whose
 * ticks meet are told apart by their ids (`goesFirst` in voter.ts).
 */
export function onGone(state: State, id: MemberId): void {
  const { standing } = state;
  if (standing.kind !== 'follower' || standing.leader !== id) return;
  becomeFollower(state, state.term, 0, 'the process of the leader ended');
  campaignWithNextTick(state);
}
