import { isServing } from './commit.ts';
import { appendOwn } from './log-growth.ts';
import { changed, leftJoint } from './membership.ts';
import { isActive, isHeard, syncPeers } from './peers.ts';
import type { MembershipChange, ProposeResult, Refusal } from './ports.ts';
import { isQuorum } from './quorum.ts';
import type { Leadership, State } from './state.ts';
import type { MemberId, Membership } from './types.ts';

/** A learner that lacks more entries than this would hold up commits once it votes. */
const PROMOTE_LAG_ENTRIES_MAX = 1_024;

export function refused(state: State, refusal: Refusal): ProposeResult & { accepted: false } {
  return { accepted: false, refusal, leader: state.leader };
}

export function propose(state: State, payloads: readonly Uint8Array[]): ProposeResult {
  const { standing, log, term } = state;
  if (standing.kind !== 'leader') return refused(state, 'notLeader');
  if (standing.transfer !== null) return refused(state, 'transferring');
  let bytes = 0;
  for (const payload of payloads) bytes += payload.length;
  const { uncommittedBytes } = standing;
  if (uncommittedBytes > 0 && uncommittedBytes + bytes > state.config.maxUncommittedBytes) {
    return refused(state, 'tooMuchUncommitted');
  }
  const firstIndex = log.lastIndex + 1;
  for (const payload of payloads) {
    appendOwn(state, standing, { kind: 'command', index: log.lastIndex + 1, term, payload });
  }
  return { accepted: true, firstIndex, term };
}

/**
 * One change at a time, and only by a leader whose own term is committed and applied: otherwise two
 * leaders could each move one voter and end with majorities that do not overlap (known bug 18).
 */
export function proposeMembership(state: State, change: MembershipChange): ProposeResult {
  const { standing, memberships, log } = state;
  if (standing.kind !== 'leader') return refused(state, 'notLeader');
  if (!isServing(state)) return refused(state, 'notServing');
  if (standing.transfer !== null) return refused(state, 'transferring');
  if (memberships.index > log.appliedIndex || memberships.current.outgoing.length > 0) {
    return refused(state, 'membershipChangePending');
  }
  const next = changed(memberships.current, change);
  if (next === null) return refused(state, 'invalidMembership');
  const newVoter = newVoterOf(change);
  if (newVoter !== null && !isCaughtUp(state, newVoter)) return refused(state, 'targetBehind');
  if (!keepsQuorum(state, next)) return refused(state, 'wouldLoseQuorum');
  return appendMembership(state, standing, next);
}

/** Ends a joint configuration as soon as it is committed and applied. */
export function leaveJointWhenReady(state: State, leadership: Leadership): void {
  const { memberships, log } = state;
  const joint = memberships.current;
  if (joint.outgoing.length === 0 || memberships.index > log.appliedIndex) return;
  if (isServing(state)) appendMembership(state, leadership, leftJoint(joint));
}

function appendMembership(state: State, leadership: Leadership, next: Membership): ProposeResult {
  const { log, term } = state;
  const index = log.lastIndex + 1;
  appendOwn(state, leadership, { kind: 'membership', index, term, membership: next });
  syncPeers(state, leadership);
  return { accepted: true, firstIndex: index, term };
}

function newVoterOf(change: MembershipChange): MemberId | null {
  if (change.type === 'promote') return change.id;
  return change.type === 'replace' ? change.incoming : null;
}

function isCaughtUp(state: State, id: MemberId): boolean {
  const peer = state.peer(id);
  if (peer === undefined || peer.state !== 'replicate' || !isActive(state, peer)) return false;
  return state.log.lastIndex - peer.matchIndex <= PROMOTE_LAG_ENTRIES_MAX;
}

/** Refuses a change after which the voters that answer now would be no quorum (known bug 19). */
function keepsQuorum(state: State, next: Membership): boolean {
  return isQuorum(next, (id) => isHeard(state, id));
}
