import { campaign, mayCampaign } from './candidate.ts';
import type { TimeoutNow } from './messages.ts';
import { isActive } from './peers.ts';
import type { Refusal } from './ports.ts';
import type { Progress } from './progress.ts';
import { becomeFollower } from './roles.ts';
import type { Leadership, State } from './state.ts';
import type { MemberId } from './types.ts';

/** A target that lacks more entries than this would keep proposals waiting for too long. */
const TRANSFER_LAG_ENTRIES_MAX = 4_096;

export function beginTransfer(state: State, leadership: Leadership, to: MemberId): Refusal | null {
  if (leadership.transfer !== null) return 'transferring';
  const peer = state.peer(to);
  if (peer === undefined || !state.memberships.current.voters.includes(to)) return 'targetNotVoter';
  const lag = state.log.lastIndex - peer.matchIndex;
  if (!isActive(state, peer) || peer.state !== 'replicate' || lag > TRANSFER_LAG_ENTRIES_MAX) {
    return 'targetBehind';
  }
  leadership.transfer = { to, startedTick: state.ticks, ordered: false };
  advanceTransfer(state, leadership, peer);
  return null;
}

/** Orders the target to campaign as soon as its durable log reaches the end of ours. */
export function advanceTransfer(state: State, leadership: Leadership, peer: Progress): void {
  const { transfer } = leadership;
  if (transfer === null || transfer.to !== peer.id || transfer.ordered) return;
  if (peer.matchIndex < state.log.lastIndex) return;
  transfer.ordered = true;
  orderCampaign(state, peer.id);
}

export function orderCampaign(state: State, to: MemberId): void {
  state.outbox.sendNow.push({
    type: 'timeoutNow',
    from: state.self,
    to,
    term: state.term,
    lastIndex: state.log.lastIndex,
  });
}

/** A transfer that did not end within an election timeout is given up; proposals go on. */
export function abortLateTransfer(state: State, leadership: Leadership): void {
  const { transfer } = leadership;
  if (transfer === null) return;
  if (state.ticks - transfer.startedTick >= state.config.electionTicks) leadership.transfer = null;
}

/** The voter that would make the best next leader: live, not stalled, with the longest durable log. */
export function bestSuccessor(state: State, leadership: Leadership): Progress | null {
  let best: Progress | null = null;
  for (const peer of leadership.peers) {
    if (!state.memberships.current.voters.includes(peer.id)) continue;
    if (!isActive(state, peer) || peer.state !== 'replicate') continue;
    if (!state.keepsUp(peer.writeStallMs)) continue;
    if (best === null || peer.matchIndex > best.matchIndex) best = peer;
  }
  return best;
}

/** From here on this member only stores and votes; whoever is furthest may campaign at once. */
export function neverLead(state: State): void {
  state.barred = true;
  const { standing } = state;
  if (standing.kind === 'follower') return;
  const successor = standing.kind === 'leader' ? bestSuccessor(state, standing) : null;
  if (successor !== null) orderCampaign(state, successor.id);
  becomeFollower(state, state.term, 0, 'its state is not to be trusted');
}

/** Target side: only a log that is durable up to the leader's end may campaign at once. */
export function onTimeoutNow(state: State, order: TimeoutNow): void {
  if (state.standing.kind !== 'follower' || state.log.durableIndex < order.lastIndex) return;
  // A leader that left hands over as it commits its own removal, which is applied here a bit later.
  if (mayCampaign(state)) campaign(state, true, 'the leader handed over');
  else state.campaignOrderedTerm = state.term;
}

/** More was applied: what the order waited for may have come. */
export function carryOutOrder(state: State): void {
  if (state.campaignOrderedTerm === 0) return;
  const stillValid = state.campaignOrderedTerm === state.term && state.standing.kind === 'follower';
  if (stillValid && !mayCampaign(state)) return;
  state.campaignOrderedTerm = 0;
  if (stillValid) campaign(state, true, 'the leader handed over');
}
