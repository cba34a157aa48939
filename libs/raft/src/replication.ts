import { entryBytes } from './entry-window.ts';
import type { Progress } from './progress.ts';
import type { Leadership, State } from './state.ts';
import { UNKNOWN_TERM } from './term-runs.ts';
import type { LogEntry, LogIndex } from './types.ts';

const NO_ENTRIES: readonly LogEntry[] = [];

/** Sends a peer what it lacks, as far as its state and the in-flight limits allow. */
export function replicate(state: State, peer: Progress): void {
  while (maySend(state, peer)) {
    const prevTerm = state.log.termOf(peer.nextIndex - 1);
    if (prevTerm === UNKNOWN_TERM) {
      wantSnapshot(state, peer);
      return;
    }
    if (peer.nextIndex < state.log.window.firstIndex && peer.nextIndex <= state.log.lastIndex) {
      wantOldEntries(state, peer);
      return;
    }
    sendEntries(state, peer, entriesFor(state, peer));
  }
}

/** An append without entries: its answer tells whether what is in flight has arrived. */
export function sendNudge(state: State, peer: Progress): void {
  peer.progressTick = state.ticks;
  const prevTerm = state.log.termOf(peer.nextIndex - 1);
  if (prevTerm === UNKNOWN_TERM) wantSnapshot(state, peer);
  else sendAppend(state, peer, NO_ENTRIES);
}

/** Sends entries that begin at `peer.nextIndex`. */
export function sendEntries(state: State, peer: Progress, entries: readonly LogEntry[]): void {
  sendAppend(state, peer, entries);
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  peer.sent(peer.nextIndex + entries.length - 1, bytes, state.ticks);
}

export function sendHeartbeat(state: State, leadership: Leadership, peer: Progress): void {
  const { commitIndex } = state.log;
  peer.toldCommitIndex = commitIndex;
  state.outbox.sendNow.push({
    type: 'heartbeat',
    from: state.self,
    to: peer.id,
    term: state.term,
    commitIndex,
    round: leadership.rounds.newestSent,
    ...(isAsked(state, leadership, peer) ? {} : { unanswered: true as const }),
  });
}

/**
 * Whether an answer to a heartbeat tells the leader anything: one that was heard lately, has the whole log
 * and takes part in no round would only wake two processes.
 */
export function isAsked(state: State, leadership: Leadership, peer: Progress): boolean {
  const { answerTicks = 0 } = state.config;
  return (
    state.ticks - peer.heardTick >= answerTicks ||
    leadership.rounds.hasUnconfirmed ||
    leadership.transfer !== null ||
    peer.state !== 'replicate' ||
    peer.matchIndex < state.log.lastIndex
  );
}

function maySend(state: State, peer: Progress): boolean {
  const { config, log } = state;
  switch (peer.state) {
    case 'probe':
      return !peer.probeSent && !peer.fetching;
    case 'replicate':
      return (
        peer.nextIndex <= log.lastIndex &&
        !peer.fetching &&
        peer.inflightCount < Math.min(peer.inflightLimit, config.maxInflightAppends) &&
        peer.inflightBytes < config.maxInflightBytes
      );
    default:
      return false;
  }
}

function entriesFor(state: State, peer: Progress): readonly LogEntry[] {
  const { log, config } = state;
  if (peer.nextIndex > log.lastIndex) return NO_ENTRIES;
  return log.window.sliceWithin(peer.nextIndex, config.maxAppendBytes);
}

function sendAppend(state: State, peer: Progress, entries: readonly LogEntry[]): void {
  const { log } = state;
  const prevIndex: LogIndex = peer.nextIndex - 1;
  peer.toldCommitIndex = log.commitIndex;
  state.outbox.sendNow.push({
    type: 'appendRequest',
    from: state.self,
    to: peer.id,
    term: state.term,
    prevIndex,
    prevTerm: log.termOf(prevIndex),
    commitIndex: log.commitIndex,
    entries,
  });
}

function wantOldEntries(state: State, peer: Progress): void {
  peer.fetching = true;
  peer.progressTick = state.ticks;
  state.outbox.fetch.push({
    to: peer.id,
    fromIndex: peer.nextIndex,
    maxBytes: state.config.maxAppendBytes,
  });
}

function wantSnapshot(state: State, peer: Progress): void {
  peer.becomeSnapshot();
  state.outbox.snapshotsWanted.push(peer.id);
}
