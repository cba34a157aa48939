import { entryBytes } from './entry-window.ts';
import type { Leadership, State } from './state.ts';
import type { LogEntry } from './types.ts';

/** Appends what this leader made itself. A membership takes effect here (Raft dissertation 4.1). */
export function appendOwn(state: State, leadership: Leadership, entry: LogEntry): void {
  state.log.append(entry);
  leadership.uncommittedBytes += entryBytes(entry);
  if (entry.kind === 'membership') state.memberships.append(entry.index, entry.membership);
}

/**
 * Appends what this term's leader sent, from position `from` of `entries` on. Only a real conflict
 * truncates: a late, shorter request must not take away what followed it (known bug 25).
 */
export function appendReceived(state: State, entries: readonly LogEntry[], from: number): void {
  const { log } = state;
  let at = from;
  for (; at < entries.length; at += 1) {
    const entry = entries[at];
    if (entry === undefined || entry.index > log.lastIndex) break;
    if (log.termOf(entry.index) === entry.term) continue;
    log.truncateFrom(entry.index);
    state.memberships.truncateFrom(entry.index);
    break;
  }
  for (; at < entries.length; at += 1) {
    const entry = entries[at];
    if (entry === undefined) break;
    log.append(entry);
    if (entry.kind === 'membership') state.memberships.append(entry.index, entry.membership);
  }
}
