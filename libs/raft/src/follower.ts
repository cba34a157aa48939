import { commitTo } from './commit.ts';
import { appendReceived } from './log-growth.ts';
import type { AppendRequest, Heartbeat } from './messages.ts';
import { becomeFollower } from './roles.ts';
import type { State } from './state.ts';
import type { LogIndex, MemberId, SnapshotMeta, Term } from './types.ts';

/** A message of this term's leader: whatever this member was, it follows now. */
export function follow(state: State, leader: MemberId): void {
  const { standing } = state;
  if (standing.kind === 'follower' && standing.leader === leader) {
    state.electionElapsedTicks = 0;
    return;
  }
  becomeFollower(state, state.term, leader, 'a leader of its term was heard');
}

export function onAppendRequest(state: State, request: AppendRequest): void {
  follow(state, request.from);
  const { log } = state;
  const { prevIndex, prevTerm, entries } = request;
  const lastNewIndex = prevIndex + entries.length;
  if (prevIndex < log.commitIndex) {
    // What is committed here is in the leader's log too, so the comparison may start there.
    const known = log.commitIndex - prevIndex;
    if (entries.length > known) appendReceived(state, entries, known);
    acknowledge(state, Math.max(log.commitIndex, lastNewIndex));
  } else if (log.termOf(prevIndex) === prevTerm) {
    appendReceived(state, entries, 0);
    acknowledge(state, lastNewIndex);
  } else {
    reject(state, request);
  }
  commitTo(state, Math.min(request.commitIndex, state.matchedIndex));
}

/** Answered from memory: it speaks of leadership, not of what is durable. */
export function onHeartbeat(state: State, heartbeat: Heartbeat): void {
  follow(state, heartbeat.from);
  // Beyond the place that was compared with this leader's log, ours may differ.
  commitTo(state, Math.min(heartbeat.commitIndex, state.matchedIndex));
  if (heartbeat.unanswered === true) return;
  state.outbox.sendNow.push({
    type: 'heartbeatResponse',
    from: state.self,
    to: heartbeat.from,
    term: state.term,
    round: heartbeat.round,
    writeStallMs: state.writeStallMs,
  });
}

/** Installs a snapshot that the host has verified; false when it brings nothing new. */
export function onSnapshotReceived(
  state: State,
  meta: SnapshotMeta,
  from: MemberId,
  term: Term,
): boolean {
  const { log } = state;
  const fromLeader = term === state.term && state.leader === from && from !== state.self;
  if (state.standing.kind === 'leader') return false;
  if (meta.index <= log.commitIndex) {
    if (fromLeader) acknowledge(state, log.commitIndex);
    return false;
  }
  if (log.termOf(meta.index) === meta.term) {
    // The entries are here already: a snapshot covers committed ones only, so they are committed.
    commitTo(state, meta.index);
    if (fromLeader) acknowledge(state, meta.index);
    return false;
  }
  log.installSnapshot(meta);
  state.memberships.reset(meta.index, meta.membership);
  state.matchedIndex = 0;
  if (fromLeader) acknowledge(state, meta.index);
  return true;
}

/** The answer leaves with `takeOutput`: one for all requests of a turn, once all of it is durable. */
function acknowledge(state: State, index: LogIndex): void {
  state.matchedIndex = Math.max(state.matchedIndex, index);
  state.ackOwed = true;
}

/** Names the last place whose term is not above the request's: nothing between can agree. */
function reject(state: State, request: AppendRequest): void {
  const { log } = state;
  const hintIndex = Math.max(
    log.lastNotAbove(request.prevIndex, request.prevTerm),
    log.commitIndex,
  );
  state.outbox.sendNow.push({
    type: 'appendResponse',
    from: state.self,
    to: request.from,
    term: state.term,
    outcome: 'rejected',
    index: request.prevIndex,
    hintIndex,
    hintTerm: log.termOf(hintIndex),
  });
}
