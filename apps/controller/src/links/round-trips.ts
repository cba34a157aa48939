import type { MonotonicMs } from '#libs/kernel';
import type { MemberId, Message, Term } from '#libs/raft';

type Asked = { readonly round: number; readonly atMs: MonotonicMs | null };

/**
 * How long each peer takes to answer a heartbeat, measured by those that begin a round: the number tells their
 * answers apart. A heartbeat that is lost counts until the next one is answered.
 */
export class RoundTrips {
  #term: Term = 0;
  readonly #asked = new Map<MemberId, Asked>();
  readonly #tookMs = new Map<MemberId, number>();

  /** Of the last one that was answered in this term; null before, and where another controller leads. */
  tookMs(peer: MemberId): number | null {
    return this.#tookMs.get(peer) ?? null;
  }

  sent(message: Message, nowMs: MonotonicMs): void {
    if (message.type !== 'heartbeat') return;
    this.#begin(message.term);
    const { to, round } = message;
    if (round > (this.#asked.get(to)?.round ?? 0)) this.#asked.set(to, { round, atMs: nowMs });
  }

  received(message: Message, nowMs: MonotonicMs): void {
    if (message.type === 'heartbeat') this.#begin(message.term);
    if (message.type !== 'heartbeatResponse' || message.term !== this.#term) return;
    const { from, round } = message;
    const asked = this.#asked.get(from);
    if (asked === undefined || asked.atMs === null || round !== asked.round) return;
    this.#tookMs.set(from, nowMs - asked.atMs);
    this.#asked.set(from, { round, atMs: null });
  }

  /** Rounds are numbered anew in each term. */
  #begin(term: Term): void {
    if (term === this.#term) return;
    this.#term = term;
    this.#asked.clear();
    this.#tookMs.clear();
  }
}
