import { advanceCommit } from './commit.ts';
import type { AppendResponse, HeartbeatResponse } from './messages.ts';
import { isHeard } from './peers.ts';
import type { Progress } from './progress.ts';
import { isQuorum, reachedByQuorum } from './quorum.ts';
import { sendEntries, sendNudge } from './replication.ts';
import { becomeFollower } from './roles.ts';
import type { Leadership, State } from './state.ts';
import { advanceTransfer } from './transfer.ts';
import type { LogEntry, LogIndex, MemberId } from './types.ts';

export function onAppendResponse(
  state: State,
  leadership: Leadership,
  response: AppendResponse,
): void {
  const peer = state.peer(response.from);
  if (peer === undefined) return;
  peer.heardTick = state.ticks;
  if (response.outcome === 'rejected') onRejected(state, peer, response);
  else onMatched(state, leadership, peer, response.index);
}

function onMatched(state: State, leadership: Leadership, peer: Progress, index: LogIndex): void {
  const advanced = peer.matched(index, state.ticks);
  if (peer.state === 'probe' && index === peer.matchIndex) peer.becomeReplicate();
  // Any answer that connects to our log ends the wait, whichever snapshot it came from.
  if (peer.state === 'snapshot' && index + 1 >= state.log.firstIndex) peer.becomeReplicate();
  if (!advanced) return;
  advanceCommit(state, leadership);
  advanceTransfer(state, leadership, peer);
}

/** Both sides skip whole terms: the peer named the last place that could agree, we look below it. */
function onRejected(state: State, peer: Progress, response: AppendResponse): void {
  state.appendRejects += 1;
  if (!peer.isFreshRejection(response.index)) return;
  const { hintIndex, hintTerm, index } = response;
  if (index <= peer.matchIndex) {
    // It lacks what it had acknowledged. To ask at once would ask as fast as the link can answer.
    peer.becomePatientProbe(index + 1, state.ticks);
    return;
  }
  const agreeing = state.log.lastNotAbove(Math.min(hintIndex, index - 1), hintTerm);
  peer.becomeProbe(agreeing + 1);
}

export function onHeartbeatResponse(
  state: State,
  leadership: Leadership,
  response: HeartbeatResponse,
): void {
  const peer = state.peer(response.from);
  if (peer === undefined) return;
  peer.heardTick = state.ticks;
  peer.writeStallMs = response.writeStallMs;
  if (response.round > peer.answeredRound) {
    peer.answeredRound = response.round;
    confirmRounds(state, leadership);
  }
  reviveIfStuck(state, peer);
}

/** Confirms every round that a quorum, this member included when it is a voter, has answered. */
export function confirmRounds(state: State, leadership: Leadership): void {
  const { rounds } = leadership;
  if (!rounds.hasUnconfirmed) return;
  const answered = (id: MemberId): number =>
    id === state.self ? rounds.newestSent : (state.peer(id)?.answeredRound ?? 0);
  rounds.confirm(reachedByQuorum(state.memberships.current, answered), state.outbox.rounds);
}

/** The link works but nothing moved for two heartbeats: what was sent may be lost. */
function reviveIfStuck(state: State, peer: Progress): void {
  const idleTicks = state.ticks - peer.progressTick;
  if (idleTicks < 2 * state.config.heartbeatTicks) return;
  if (idleTicks >= state.config.electionTicks) peer.fetching = false;
  if (peer.state === 'probe') peer.probeSent = false;
  else if (peer.state === 'replicate' && peer.inflightCount > 0) sendNudge(state, peer);
}

export function onFetched(
  state: State,
  to: MemberId,
  fromIndex: LogIndex,
  entries: readonly LogEntry[],
): void {
  const peer = state.peer(to);
  if (peer === undefined || !peer.fetching) return;
  peer.fetching = false;
  // The peer may have answered something meanwhile: then the next flush asks for what it lacks now.
  if (peer.nextIndex !== fromIndex) return;
  const [first] = entries;
  const last = entries[entries.length - 1];
  if (first === undefined || last === undefined || first.index !== fromIndex) {
    peer.becomeSnapshot();
    state.outbox.snapshotsWanted.push(to);
    return;
  }
  // The log may have been compacted, or have become another one, while the host was reading.
  if (state.log.termOf(fromIndex - 1) < 0 || state.log.termOf(last.index) !== last.term) return;
  sendEntries(state, peer, entries);
}

/** Steps down when no quorum was heard for an election timeout: others may have a leader by now. */
export function checkQuorum(state: State): void {
  const heard = isQuorum(state.memberships.current, (id) => isHeard(state, id));
  if (!heard) becomeFollower(state, state.term, 0, 'no majority answered for an election timeout');
}
