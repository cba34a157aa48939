import { isServing } from './commit.ts';
import { flush } from './flush.ts';
import type { Message } from './messages.ts';
import type {
  FetchRequest,
  Output,
  PersistBatch,
  Role,
  RoleChange,
  RoundOutcome,
} from './ports.ts';
import type { State } from './state.ts';
import type { LogEntry, MemberId } from './types.ts';

const NO_ENTRIES: readonly LogEntry[] = [];
const NO_MESSAGES: readonly Message[] = [];
const NO_ROUNDS: readonly RoundOutcome[] = [];
const NO_FETCHES: readonly FetchRequest[] = [];
const NO_MEMBERS: readonly MemberId[] = [];

/** Moves the effects out of the machine; null when there are none. */
export function takeOutput(state: State): Output | null {
  flush(state);
  const { outbox } = state;
  const persist = takeBatch(state);
  const apply = takeApplicable(state);
  const role = takeRoleChange(state);
  const nothing =
    persist === null &&
    role === null &&
    apply.length === 0 &&
    outbox.sendNow.length === 0 &&
    outbox.afterPersist.length === 0 &&
    outbox.rounds.length === 0 &&
    outbox.fetch.length === 0 &&
    outbox.snapshotsWanted.length === 0;
  if (nothing) return null;
  const output = {
    sendNow: outbox.sendNow.length === 0 ? NO_MESSAGES : outbox.sendNow,
    persist,
    afterPersist: outbox.afterPersist.length === 0 ? NO_MESSAGES : outbox.afterPersist,
    apply,
    rounds: outbox.rounds.length === 0 ? NO_ROUNDS : outbox.rounds,
    fetch: outbox.fetch.length === 0 ? NO_FETCHES : outbox.fetch,
    snapshotsWanted: outbox.snapshotsWanted.length === 0 ? NO_MEMBERS : outbox.snapshotsWanted,
    role,
  };
  outbox.empty();
  return output;
}

function takeBatch(state: State): PersistBatch | null {
  const { log, term, vote, handedHardState } = state;
  const hardStateChanged = handedHardState.term !== term || handedHardState.vote !== vote;
  const { snapshotPending: snapshot, truncateFromPending: truncateFrom } = log;
  const entriesWait = log.writeHandedIndex < log.lastIndex;
  if (!hardStateChanged && !entriesWait && snapshot === null && truncateFrom === null) return null;
  const entries = entriesWait
    ? log.window.slice(log.writeHandedIndex + 1, log.lastIndex + 1)
    : NO_ENTRIES;
  if (hardStateChanged) state.handedHardState = { term, vote };
  log.writeHandedIndex = log.lastIndex;
  log.snapshotPending = null;
  log.truncateFromPending = null;
  return {
    seq: log.writes.begin(log.lastIndex),
    hardState: hardStateChanged ? state.handedHardState : null,
    truncateFrom,
    entries,
    snapshot,
  };
}

/** Committed and durable here; nothing while a received snapshot waits to be restored. */
function takeApplicable(state: State): readonly LogEntry[] {
  const { log } = state;
  const upTo = log.applicableIndex;
  if (upTo <= log.applyHandedIndex || log.appliedIndex < log.snapshotIndex) return NO_ENTRIES;
  const entries = log.window.slice(log.applyHandedIndex + 1, upTo + 1);
  log.applyHandedIndex = upTo;
  log.window.evict(log.evictableIndex, state.config.cacheBytes);
  return entries;
}

function takeRoleChange(state: State): RoleChange | null {
  const { reportedRole: last, term, leader, why } = state;
  const role = roleOf(state);
  const serving = isServing(state);
  const same =
    last !== null &&
    last.role === role &&
    last.term === term &&
    last.leader === leader &&
    last.serving === serving;
  if (same) return null;
  state.reportedRole = { role, term, leader, serving, why };
  return state.reportedRole;
}

export function roleOf(state: State): Role {
  const { kind } = state.standing;
  return kind === 'follower' && !state.isVoter ? 'learner' : kind;
}
