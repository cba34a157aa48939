import { type MonotonicMs, monotonicMs, type TimelineId } from '#libs/kernel';

/** A commit that the client saw acknowledged. */
export type Acknowledgement = {
  readonly host: string;
  /** The timeline that the row was written on. */
  readonly timeline: TimelineId;
  readonly at: MonotonicMs;
};

/** What the client saw since a mark. Times in ms of its own monotonic clock. */
export type OutageTally = {
  readonly acknowledged: number;
  /** The longest time between two consecutive acknowledgements, whichever host gave them. */
  readonly gapMs: number;
  readonly dual: number;
};

/**
 * Counts what an outage cost, from acknowledgements in the order of their arrival.
 *
 * An acknowledgement is *dual* when another host acknowledged earlier on the same or a later
 * timeline: then two histories were both promised to clients. Earlier timelines of other hosts are
 * what a failover leaves behind, and the same host may go on on its own timeline after a restart.
 */
export class Ledger {
  readonly #highestTimeline = new Map<string, TimelineId>();
  #last: Acknowledgement | null = null;
  #acknowledged = 0;
  #gapMs = 0;
  #dual = 0;

  get last(): Acknowledgement | null {
    return this.#last;
  }

  acknowledge(next: Acknowledgement): void {
    if (this.#isDual(next)) this.#dual += 1;
    if (this.#last !== null) this.#gapMs = Math.max(this.#gapMs, next.at - this.#last.at);
    const highest = this.#highestTimeline.get(next.host);
    if (highest === undefined || next.timeline > highest) {
      this.#highestTimeline.set(next.host, next.timeline);
    }
    this.#last = next;
    this.#acknowledged += 1;
  }

  /** Forgets the counts, not the history: the next gap still begins at the last acknowledgement. */
  mark(): void {
    this.markGap();
    this.#dual = 0;
  }

  /** As `mark`, but what was dual stays counted. */
  markGap(): void {
    this.#acknowledged = 0;
    this.#gapMs = 0;
  }

  /** Since the last mark; a gap that is still open at `now` counts. */
  tally(now: MonotonicMs): OutageTally {
    return {
      acknowledged: this.#acknowledged,
      gapMs: Math.max(this.#gapMs, this.openGapMs(now)),
      dual: this.#dual,
    };
  }

  /** How long ago the last acknowledgement came; 0 before the first. */
  openGapMs(now: MonotonicMs): MonotonicMs {
    return monotonicMs(this.#last === null ? 0 : Math.max(0, now - this.#last.at));
  }

  #isDual(next: Acknowledgement): boolean {
    for (const [host, timeline] of this.#highestTimeline) {
      if (host !== next.host && timeline >= next.timeline) return true;
    }
    return false;
  }
}
