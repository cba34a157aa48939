import type { LogIndex, MemberId, RoundId } from './types.ts';

/**
 * How the leader feeds one peer.
 * - probe: it looks for the point where the logs agree, one request per round trip;
 * - replicate: it sends ahead of the answers, within the in-flight limits;
 * - snapshot: it waits until the peer has one, because the entries are gone.
 */
export type PeerState = 'probe' | 'replicate' | 'snapshot';

/** Beyond this the configured limit alone counts. */
const INFLIGHT_LIMIT_MAX = 1_024;

type Inflight = { readonly lastIndex: LogIndex; readonly bytes: number };

export class Progress {
  readonly id: MemberId;
  state: PeerState = 'probe';
  /** Everything up to here is durable on the peer and equals our log. */
  matchIndex: LogIndex = 0;
  nextIndex: LogIndex;
  /** The commit index in the last message to the peer. */
  toldCommitIndex: LogIndex = 0;
  /** The newest round that the peer answered in this term. */
  answeredRound: RoundId = 0;
  /** The tick of its last answer in this term; a new peer has an election timeout to give one. */
  heardTick: number;
  writeStallMs = 0;
  /** A probe is on its way; another may leave only after an answer or a lost round trip. */
  probeSent = false;
  /** The host reads old entries for this peer. */
  fetching = false;
  /**
   * How many requests may be under way: 1 after a probe, doubled by each answer that brings progress.
   * Without it a network that reorders turns each refusal into a resent window, and those into more
   * refusals (found by the simulator: a million messages in a second).
   */
  inflightLimit = 1;
  /** The tick of the last progress while something was in flight. */
  progressTick = 0;
  readonly #inflight: Inflight[] = [];
  #inflightBytes = 0;

  constructor(id: MemberId, nextIndex: LogIndex, tick: number) {
    this.id = id;
    this.heardTick = tick;
    this.nextIndex = nextIndex;
  }

  get inflightCount(): number {
    return this.#inflight.length;
  }

  get inflightBytes(): number {
    return this.#inflightBytes;
  }

  becomeProbe(nextIndex: LogIndex): void {
    this.state = 'probe';
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1);
    this.inflightLimit = 1;
    this.probeSent = false;
    this.fetching = false;
    this.#clearInflight();
  }

  /** Probes again only after a few ticks: the last attempt just failed. */
  becomePatientProbe(nextIndex: LogIndex, tick: number): void {
    this.becomeProbe(nextIndex);
    this.probeSent = true;
    this.progressTick = tick;
  }

  becomeReplicate(): void {
    this.state = 'replicate';
    this.nextIndex = this.matchIndex + 1;
    this.probeSent = false;
    this.fetching = false;
    this.#clearInflight();
  }

  becomeSnapshot(): void {
    this.state = 'snapshot';
    this.probeSent = false;
    this.fetching = false;
    this.#clearInflight();
  }

  /** Entries up to `lastIndex` leave now. */
  sent(lastIndex: LogIndex, bytes: number, tick: number): void {
    if (this.state === 'probe') {
      this.probeSent = true;
      this.progressTick = tick;
      return;
    }
    if (this.#inflight.length === 0) this.progressTick = tick;
    this.nextIndex = lastIndex + 1;
    this.#inflight.push({ lastIndex, bytes });
    this.#inflightBytes += bytes;
  }

  /** True when the peer holds more than we knew. */
  matched(index: LogIndex, tick: number): boolean {
    while (this.#inflight.length > 0 && (this.#inflight[0]?.lastIndex ?? 0) <= index) {
      this.#inflightBytes -= this.#inflight.shift()?.bytes ?? 0;
    }
    if (this.nextIndex <= index) this.nextIndex = index + 1;
    if (index <= this.matchIndex) return false;
    this.progressTick = tick;
    this.matchIndex = index;
    if (this.inflightLimit < INFLIGHT_LIMIT_MAX) this.inflightLimit *= 2;
    return true;
  }

  /** Whether a refusal of the request after `prevIndex` tells anything new. */
  isFreshRejection(prevIndex: LogIndex): boolean {
    if (this.state === 'probe') return prevIndex === this.nextIndex - 1;
    return this.state === 'replicate' && prevIndex > this.matchIndex && prevIndex < this.nextIndex;
  }

  #clearInflight(): void {
    this.#inflight.length = 0;
    this.#inflightBytes = 0;
  }
}
