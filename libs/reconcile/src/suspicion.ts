/** A receiver that hears from a writing primary is never silent for this long: it gets WAL all the time. */
const QUIET_MS = 300;
/** After an answer to what turned out to be a pause of the writers, in times of `suspectAfterMs`. */
const REST_IN_SUSPICIONS = 5;

export type ReceiverSight =
  /** `silentMs`: since the last message of the primary. */
  | { readonly kind: 'streaming'; readonly silentMs: number }
  /** It streamed in this epoch, and is gone without our doing. */
  | { readonly kind: 'lost' }
  /** None yet, or ended by ourselves. */
  | { readonly kind: 'none' };

export type Sight = {
  readonly nowMs: number;
  /** The leader misses renewals of the primary. */
  readonly told: boolean;
  readonly receiver: ReceiverSight;
  /** Of the last finished probe; null before the first. */
  readonly answered: boolean | null;
};

/**
 * Whether a standby's agent has reason to call the primary itself. Nothing is sent while all is well: a
 * look at the receiver is made anyway, and the leader's word comes with the answer to a report.
 *
 * The leader's word alone would come late (a renewal must be missing first, then a report be answered),
 * so the silence of a receiver that was just being fed begins a probe too, about 300 ms after the
 * primary's last byte. Silence of an idle receiver is no evidence (safety 19): a primary without
 * writers is called once when they pause, and not again before they came back and some time passed.
 */
export class Suspicion {
  readonly #restMs: number;
  #fed = false;
  #restUntilMs = 0;

  constructor(suspectAfterMs: number) {
    this.#restMs = REST_IN_SUSPICIONS * suspectAfterMs;
  }

  isRoused({ nowMs, told, receiver, answered }: Sight): boolean {
    if (told || receiver.kind === 'lost') return true;
    if (receiver.kind === 'streaming' && receiver.silentMs <= QUIET_MS) {
      this.#fed = true;
      return false;
    }
    // Nobody answered the last one: it goes on until somebody does, or bytes come again.
    if (answered === false) return true;
    if (receiver.kind === 'none' || !this.#fed || nowMs < this.#restUntilMs) return false;
    this.#fed = false;
    this.#restUntilMs = nowMs + this.#restMs;
    return true;
  }
}
