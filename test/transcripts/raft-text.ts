import { unreachable } from '#libs/kernel';
import type {
  LogEntry,
  Membership,
  Message,
  PersistBatch,
  RaftStatus,
  RoundOutcome,
  SnapshotMeta,
} from '#libs/raft';

/** Positions are written `index/term`, an entry with its content behind it. */
export function entryText(entry: LogEntry): string {
  const at = `${entry.index}/${entry.term}`;
  if (entry.kind === 'command') return `${at}'${String.fromCharCode(...entry.payload)}'`;
  return entry.kind === 'empty' ? `${at} empty` : `${at} ${membershipText(entry.membership)}`;
}

export function entriesText(entries: readonly LogEntry[]): string {
  return `[${entries.map(entryText).join(', ')}]`;
}

export function membershipText({ voters, outgoing, learners }: Membership): string {
  const joint = outgoing.length > 0 ? ` outgoing=${outgoing.join(',')}` : '';
  const learning = learners.length > 0 ? ` learners=${learners.join(',')}` : '';
  return `(voters=${voters.join(',')}${joint}${learning})`;
}

export function messageText(message: Message): string {
  return `${message.from}->${message.to} ${message.type} t${message.term}${detail(message)}`;
}

export function batchText(batch: PersistBatch): string {
  const parts = [`write #${batch.seq}`];
  if (batch.snapshot !== null) parts.push(`snapshot ${snapshotText(batch.snapshot)}`);
  if (batch.truncateFrom !== null) parts.push(`truncate from ${batch.truncateFrom}`);
  if (batch.entries.length > 0) parts.push(entriesText(batch.entries));
  if (batch.hardState !== null) {
    parts.push(`term=${batch.hardState.term} vote=${batch.hardState.vote}`);
  }
  return parts.join(' ');
}

export function snapshotText({ index, term, membership }: SnapshotMeta): string {
  return `${index}/${term} ${membershipText(membership)}`;
}

export function roundText({ round, outcome, readIndex }: RoundOutcome): string {
  return outcome === 'confirmed'
    ? `round ${round} confirmed, read at ${readIndex}`
    : `round ${round} lost`;
}

export function statusText(status: RaftStatus): readonly string[] {
  const { role, term, vote, leader, serving, commitIndex, appliedIndex } = status;
  const marks = `commit=${commitIndex} applied=${appliedIndex} durable=${status.durableIndex}`;
  const head = `${role} t${term} vote=${vote} leader=${leader}${serving ? ' serving' : ''} ${marks}`;
  const bounds = `first=${status.firstIndex} last=${status.lastIndex} ${membershipText(status.membership)}`;
  return [
    head,
    bounds,
    ...status.peers.map(
      ({ id, state, matchIndex, nextIndex }) =>
        `peer ${id} ${state} match=${matchIndex} next=${nextIndex}`,
    ),
  ];
}

function detail(message: Message): string {
  switch (message.type) {
    case 'preVoteRequest':
    case 'voteRequest': {
      const transfer = message.type === 'voteRequest' && message.transfer ? ' transfer' : '';
      return ` last=${message.lastIndex}/${message.lastTerm}${transfer}`;
    }
    case 'preVoteResponse':
    case 'voteResponse':
      return message.granted ? ' granted' : ' refused';
    case 'appendRequest': {
      const { prevIndex, prevTerm, commitIndex, entries } = message;
      return ` after ${prevIndex}/${prevTerm} commit=${commitIndex} ${entriesText(entries)}`;
    }
    case 'appendResponse':
      return message.outcome === 'matched'
        ? ` matched ${message.index}`
        : ` rejected ${message.index}, try ${message.hintIndex}/${message.hintTerm}`;
    case 'heartbeat':
      return ` commit=${message.commitIndex} round=${message.round}${message.unanswered === true ? ' unanswered' : ''}`;
    case 'heartbeatResponse':
      return ` round=${message.round}${message.writeStallMs > 0 ? ` stall=${message.writeStallMs}ms` : ''}`;
    case 'timeoutNow':
      return ` last=${message.lastIndex}`;
    case 'snapshotChunk':
      return ` ${message.index}/${message.snapshotTerm}`;
    case 'snapshotAck':
      return ` ${message.index} ${message.outcome}`;
    default:
      return unreachable(message);
  }
}
