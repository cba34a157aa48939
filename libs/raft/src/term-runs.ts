import type { LogIndex, Term, TermRun } from './types.ts';

/** The term of a position that was compacted away: it equals no real term. */
export const UNKNOWN_TERM = -1;

/**
 * The terms of the whole log, as runs. A log of millions of entries has a handful of terms, so any
 * position can be compared with another log without its entry in memory.
 */
export class TermRuns {
  readonly #runs: TermRun[];
  #baseIndex: LogIndex;
  #baseTerm: Term;

  /** `baseIndex` is the position before the first entry, `baseTerm` its term when that is known. */
  constructor(baseIndex: LogIndex, baseTerm: Term, runs: readonly TermRun[]) {
    this.#baseIndex = baseIndex;
    this.#baseTerm = baseTerm;
    this.#runs = [...runs];
  }

  /** The term at an index from the base to the end of the log; `UNKNOWN_TERM` below the base. */
  termOf(index: LogIndex): Term {
    if (index === this.#baseIndex) return this.#baseTerm;
    if (index < this.#baseIndex) return UNKNOWN_TERM;
    return this.#runs[this.#runAt(index)]?.term ?? UNKNOWN_TERM;
  }

  append(index: LogIndex, term: Term): void {
    const newest = this.#runs[this.#runs.length - 1];
    if (newest === undefined || newest.term !== term) this.#runs.push({ firstIndex: index, term });
  }

  truncateFrom(index: LogIndex): void {
    const runs = this.#runs;
    for (let at = runs.length - 1; at >= 0; at -= 1) {
      if ((runs[at]?.firstIndex ?? 0) < index) break;
      runs.pop();
    }
  }

  compactTo(index: LogIndex): void {
    const term = this.termOf(index);
    const at = this.#runAt(index + 1);
    if (at > 0) this.#runs.splice(0, at);
    const oldest = this.#runs[0];
    if (oldest !== undefined && oldest.firstIndex <= index) {
      this.#runs[0] = { firstIndex: index + 1, term: oldest.term };
    }
    this.#baseIndex = index;
    this.#baseTerm = term;
  }

  reset(baseIndex: LogIndex, baseTerm: Term): void {
    this.#runs.length = 0;
    this.#baseIndex = baseIndex;
    this.#baseTerm = baseTerm;
  }

  /**
   * The highest position at or below `index` whose term is not above `term`: every position between
   * disagrees with a log that has `term` at `index`, so one probe skips a whole term (etcd/raft).
   */
  lastNotAbove(index: LogIndex, term: Term): LogIndex {
    let end = index;
    for (let at = this.#runAt(index); at >= 0; at -= 1) {
      const run = this.#runs[at];
      if (run === undefined || end <= this.#baseIndex) break;
      if (run.firstIndex > end) continue;
      if (run.term <= term) return end;
      end = run.firstIndex - 1;
    }
    return Math.min(end, this.#baseIndex);
  }

  /** The last run that begins at or before `index`, -1 when there is none; newest first, as asked most. */
  #runAt(index: LogIndex): number {
    let at = this.#runs.length - 1;
    while (at >= 0 && (this.#runs[at]?.firstIndex ?? 0) > index) at -= 1;
    return at;
  }
}
