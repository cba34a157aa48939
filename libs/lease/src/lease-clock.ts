/**
 * The leader's half of the lease, all of it volatile: ages, renewals that wait for a confirmation
 * round, and which leases are due to be declared expired (reference/raft.md 5.2).
 *
 * One object per term of service: made when the leader's own-term entry was applied, dropped when it
 * stops to lead. So every age begins at 0 with each new leader, and no answer outlives a leadership.
 *
 * `Reply` is whatever its host needs to send an answer; it is handed back untouched.
 */
import { assert, type Epoch, type GuardIncarnation, type MonotonicMs } from '#libs/kernel';
import type { CappedTime } from './capped-time.ts';
import { type LeaseWaitTerms, leaseWaitMs } from './lease-timing.ts';

/** A lease that the applied state holds to be `Held`. */
export type HeldLease = {
  readonly cluster: string;
  readonly epoch: Epoch;
  readonly guard: GuardIncarnation;
  readonly terms: LeaseWaitTerms;
};

export type Renewal<Reply> = {
  readonly cluster: string;
  readonly epoch: Epoch;
  readonly guard: GuardIncarnation;
  readonly nonce: number;
  readonly reply: Reply;
};

export type Acceptance =
  /** Answer `renewed` once a round that begins after this moment was confirmed. */
  | { readonly kind: 'pending' }
  /** The lease is being declared expired, or too many wait: say nothing, the guard asks again. */
  | { readonly kind: 'ignored' }
  | { readonly kind: 'refused'; readonly reason: string };

export type ExpiryDue = HeldLease & { readonly silentMs: number; readonly waitMs: number };

type Tracked = {
  lease: HeldLease;
  mark: number;
  waitMs: number;
  closing: boolean;
};

/** Renewals that a confirmation round, once it is confirmed, proves. */
type Round<Reply> = { readonly number: number; renewals: Renewal<Reply>[] };

/** Guards ask again after a renew interval: more waiting than this answers nobody in time. */
const PENDING_LIMIT = 20_000;

export class LeaseClock<Reply> {
  readonly #time: CappedTime;
  readonly #tracked = new Map<string, Tracked>();
  /** They arrived after the last round had begun. */
  #arrived: Renewal<Reply>[] = [];
  #rounds: Round<Reply>[] = [];
  #lastRound = 0;

  constructor(time: CappedTime) {
    this.#time = time;
  }

  /**
   * Follows the applied state: called for every cluster when service begins and whenever its lease may
   * have changed; null when none is held. An epoch's wait never becomes shorter while it is held.
   */
  follow(cluster: string, lease: HeldLease | null, now: MonotonicMs): void {
    const known = this.#tracked.get(cluster);
    if (lease === null) {
      this.#tracked.delete(cluster);
      return;
    }
    const waitMs = leaseWaitMs(lease.terms);
    if (known?.lease.epoch === lease.epoch) {
      known.lease = lease;
      known.waitMs = Math.max(known.waitMs, waitMs);
      return;
    }
    this.#tracked.set(cluster, { lease, mark: this.#time.mark(now), waitMs, closing: false });
  }

  accept(renewal: Renewal<Reply>, now: MonotonicMs): Acceptance {
    const tracked = this.#tracked.get(renewal.cluster);
    const reason = refusalOf(tracked?.lease, renewal);
    if (tracked === undefined || reason !== null) {
      return { kind: 'refused', reason: reason ?? 'no lease is held' };
    }
    if (tracked.closing || this.#waiting >= PENDING_LIMIT) return { kind: 'ignored' };
    tracked.mark = this.#time.mark(now);
    this.#arrived.push(renewal);
    return { kind: 'pending' };
  }

  /** Renewals that no round can prove yet. */
  get pending(): number {
    return this.#arrived.length;
  }

  /** A confirmation round begins now: it can prove leadership to all that have arrived before it. */
  roundBegan(round: number): void {
    assert(round > this.#lastRound, 'rounds are numbered upwards', {
      round,
      last: this.#lastRound,
    });
    this.#lastRound = round;
    if (this.#arrived.length === 0) return;
    this.#rounds.push({ number: round, renewals: this.#arrived });
    this.#arrived = [];
  }

  /**
   * A quorum has answered `round` in this term. Returns the renewals to be answered `renewed`; those
   * of a lease that changed or began to close since are left out.
   */
  roundConfirmed(round: number): Renewal<Reply>[] {
    const answered: Renewal<Reply>[] = [];
    for (const { number, renewals } of this.#rounds) {
      if (number > round) continue;
      for (const renewal of renewals) if (this.#stillHeld(renewal)) answered.push(renewal);
    }
    this.#rounds = this.#rounds.filter(({ number }) => number > round);
    return answered;
  }

  /** Time since a renewal was last accepted, or since service or the grant began; null: not held. */
  silentMs(cluster: string): number | null {
    const tracked = this.#tracked.get(cluster);
    return tracked === undefined ? null : this.#time.since(tracked.mark);
  }

  /** How many are held: as many renew. */
  get held(): number {
    return this.#tracked.size;
  }

  /** The longest silence of all that are held; 0 when none is. */
  get silentMaxMs(): number {
    let longest = 0;
    for (const { mark } of this.#tracked.values())
      longest = Math.max(longest, this.#time.since(mark));
    return longest;
  }

  /** How many are being declared over: they are not renewed any more. */
  get closing(): number {
    let closing = 0;
    for (const tracked of this.#tracked.values()) if (tracked.closing) closing += 1;
    return closing;
  }

  /**
   * Until the first lease of all that are held may be due; 0 when one is, null when none is held. A turn
   * that is late may find that it is not yet: capped time only ever falls behind.
   */
  get dueInMs(): number | null {
    let soonest: number | null = null;
    for (const { mark, waitMs, closing } of this.#tracked.values()) {
      if (closing) continue;
      const leftMs = Math.max(0, waitMs - this.#time.since(mark));
      if (soonest === null || leftMs < soonest) soonest = leftMs;
    }
    return soonest;
  }

  /** Leases whose holders' rights have surely ended, those being closed included. */
  due(): ExpiryDue[] {
    const due: ExpiryDue[] = [];
    for (const { lease, mark, waitMs } of this.#tracked.values()) {
      const silentMs = this.#time.since(mark);
      if (silentMs >= waitMs) due.push({ ...lease, silentMs, waitMs });
    }
    return due;
  }

  /**
   * `LeaseExpired` is about to be proposed: from here on the epoch is not renewed any more. False, and
   * nothing changes, when the holder was heard after the lease was found due: it may have been answered.
   */
  close(cluster: string): boolean {
    const tracked = this.#tracked.get(cluster);
    if (tracked === undefined) return false;
    if (this.#time.since(tracked.mark) < tracked.waitMs) return false;
    tracked.closing = true;
    const ofOthers = (renewal: Renewal<Reply>) => renewal.cluster !== cluster;
    this.#arrived = this.#arrived.filter(ofOthers);
    for (const round of this.#rounds) round.renewals = round.renewals.filter(ofOthers);
    return true;
  }

  /** The proposal was rejected at apply, so the lease is still held. */
  reopen(cluster: string): void {
    const tracked = this.#tracked.get(cluster);
    if (tracked !== undefined) tracked.closing = false;
  }

  get #waiting(): number {
    return this.#rounds.reduce((sum, { renewals }) => sum + renewals.length, this.pending);
  }

  #stillHeld(renewal: Renewal<Reply>): boolean {
    const tracked = this.#tracked.get(renewal.cluster);
    return tracked?.closing === false && refusalOf(tracked.lease, renewal) === null;
  }
}

function refusalOf<Reply>(held: HeldLease | undefined, asked: Renewal<Reply>): string | null {
  if (held === undefined) return 'no lease is held';
  if (held.epoch !== asked.epoch) return `epoch ${held.epoch} is held`;
  if (held.guard !== asked.guard) return `epoch ${held.epoch} is held by another guard`;
  return null;
}
