import { lsnOf, type MonotonicMs, timelineId } from '#libs/kernel';
import type { CappedTime } from '#libs/lease';
import type { GossipedPosition } from '#libs/protocol';
import type { ObservationTable } from './observations.ts';

/** Changed in place, for each is told again every few seconds and nearly always as before. */
type Known = { timeline: number; lsn: bigint; mark: number };

/** Positions of one message; a control frame holds far more. */
const PER_MESSAGE = 500;

/**
 * The primaries' last known positions as the leader told them: in memory only, so that a leader which
 * takes over at the same time as a primary dies can still bound the loss (safety 18).
 */
export class PositionGossip {
  readonly #known = new Map<string, Known>();
  readonly #told = new Map<string, bigint>();
  #turn = 0;

  constructor(readonly time: CappedTime) {}

  heard(positions: readonly GossipedPosition[], now: MonotonicMs): void {
    for (const { cluster, timeline, lsn, ageMs } of positions) {
      const mark = this.time.mark(now) - ageMs;
      const known = this.#known.get(cluster);
      if (known === undefined) {
        this.#known.set(cluster, { timeline, lsn, mark });
        continue;
      }
      known.timeline = timeline;
      if (known.lsn !== lsn) known.lsn = lsn;
      known.mark = mark;
    }
  }

  /** What a new leader begins with. */
  seed(observations: ObservationTable, now: MonotonicMs): void {
    for (const [cluster, { timeline, lsn, mark }] of this.#known) {
      const position = { timeline: timelineId(timeline), lsn: lsnOf(lsn) };
      observations.positionKnown(cluster, position, this.time.since(mark), now);
    }
  }

  /**
   * What the leader tells, in messages of bounded size: what it did not tell already, and of the others every
   * `turns`-th, the next ones with the next call: those of thousands at once would keep renewals waiting here and there.
   */
  *messages(observations: ObservationTable, turns: number): Generator<readonly GossipedPosition[]> {
    let batch: GossipedPosition[] = [];
    this.#turn = (this.#turn + 1) % turns;
    let at = this.#turn;
    for (const cluster of observations.clusters) {
      at += 1;
      const known = observations.lastKnown(cluster);
      if (known === null) continue;
      if (at % turns !== 0 && this.#told.get(cluster) === known.lsn) continue;
      this.#told.set(cluster, known.lsn);
      batch.push({ cluster, ...known });
      if (batch.length < PER_MESSAGE) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }
}
