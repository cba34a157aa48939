import type { InitialState, LogEntry, Term, TermRun } from '#libs/raft';
import { HashedLog, type StableMedia } from './sim-disk.ts';

export type Recovered = {
  readonly initial: InitialState;
  readonly mirror: HashedLog;
  readonly appliedTerm: Term;
};

/** What a member finds on its stable media when it starts. */
export function recover(media: StableMedia): Recovered {
  const { log, snapshot, applied, hardState } = media;
  const mirror = new HashedLog(log.firstIndex - 1, log.baseTerm, log.baseHash);
  const termRuns: TermRun[] = [];
  let lastTerm = 0;
  for (const entry of log.entries) {
    mirror.append(entry);
    if (entry.term !== lastTerm) termRuns.push({ firstIndex: entry.index, term: entry.term });
    lastTerm = entry.term;
  }
  const tail: LogEntry[] = log.entries.filter(({ index }) => index > applied.index);
  const newest = log.membershipAt(applied.index, snapshot.meta);
  return {
    initial: {
      hardState,
      snapshot: snapshot.meta,
      membership: newest.membership,
      membershipIndex: newest.index,
      firstIndex: log.firstIndex,
      lastIndex: log.lastIndex,
      termRuns,
      appliedIndex: applied.index,
      tail,
    },
    mirror,
    appliedTerm: applied.index === 0 ? 0 : log.termAt(applied.index),
  };
}
