import type { RoundOutcome } from './ports.ts';
import type { LogIndex, RoundId } from './types.ts';

/** Rounds on their way at once; later requests join the one that waits for room. */
const ROUNDS_IN_FLIGHT_MAX = 32;

/**
 * The numbered confirmation rounds of one leadership. A heartbeat carries the newest number; once a
 * quorum has answered that number or a later one, this member was the leader when the round began.
 * The number is ours, never a caller's: an answer to an older question can then never be taken for
 * an answer to a newer one (etcd #20418).
 */
export class Rounds {
  #newestSent: RoundId;
  #waiting: RoundId | null = null;
  readonly #sent: { readonly round: RoundId; readonly readIndex: LogIndex }[] = [];

  /** `lastRound`: the highest number used in this process before. */
  constructor(lastRound: RoundId) {
    this.#newestSent = lastRound;
  }

  get newestSent(): RoundId {
    return this.#newestSent;
  }

  get newest(): RoundId {
    return this.#waiting ?? this.#newestSent;
  }

  /** A round that begins after this call. */
  request(): RoundId {
    this.#waiting ??= this.#newestSent + 1;
    return this.#waiting;
  }

  get mayBegin(): boolean {
    return this.#waiting !== null && this.#sent.length < ROUNDS_IN_FLIGHT_MAX;
  }

  /** Heartbeats leave now; those that wait begin their round with them. */
  begin(commitIndex: LogIndex): void {
    if (this.#waiting === null) return;
    this.#newestSent = this.#waiting;
    this.#sent.push({ round: this.#waiting, readIndex: commitIndex });
    this.#waiting = null;
  }

  get hasUnconfirmed(): boolean {
    return this.#sent.length > 0;
  }

  confirm(upTo: RoundId, outcomes: RoundOutcome[]): void {
    for (;;) {
      const oldest = this.#sent[0];
      if (oldest === undefined || oldest.round > upTo) return;
      outcomes.push({ ...oldest, outcome: 'confirmed' });
      this.#sent.shift();
    }
  }

  lose(outcomes: RoundOutcome[]): void {
    for (const round of this.#sent) outcomes.push({ ...round, outcome: 'lost' });
    this.#sent.length = 0;
    if (this.#waiting !== null) {
      outcomes.push({ round: this.#waiting, readIndex: 0, outcome: 'lost' });
      this.#newestSent = this.#waiting;
      this.#waiting = null;
    }
  }
}
