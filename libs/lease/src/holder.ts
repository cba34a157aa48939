/**
 * The holder's half of the lease: what a guard may believe of its right to be primary.
 *
 * A right is counted from the moment *before* the renewal left, never from the answer, so that no
 * delay of the network can lengthen it. Time is the larger of the monotonic and the boot clock. Every
 * input brings the present moment and is looked at only after the question whether the right is over.
 *
 * The machine speaks through `HolderEffects`; it has no timer. Its host calls `tick` at the latest
 * after `nextTurnInMs`.
 */
import { type Epoch, monotonicMs } from '#libs/kernel';
import { type LeaseTiming, longestIntervalMs } from './lease-timing.ts';
import { elapsedMs, type Moment } from './moment.ts';
import { SentRenewals } from './sent-renewals.ts';

export type StopReason =
  /** No renewal was confirmed in time. */
  | 'deadline'
  /** The leader says that the epoch is over. */
  | 'refused'
  /** This process did not run for so long that the right ended meanwhile (safety 16). */
  | 'woke-late';

export interface HolderEffects {
  /**
   * To the known leader, or, after an unanswered renewal, to every controller. `endangered`: more than
   * half of the right has gone by without an answer, so members may be asked for promises (safety 11).
   */
  sendRenewal(epoch: Epoch, nonce: number, to: 'leader' | 'all', endangered: boolean): void;
  /** The right to `epoch` was confirmed anew; ask `remainingMs` how long it lasts. */
  rightConfirmed(epoch: Epoch): void;
  /** End PostgreSQL if it is a primary: SIGQUIT at once, SIGKILL after `graceMs`. Once per loss. */
  stopNow(reason: StopReason, epoch: Epoch, graceMs: number): void;
}

export type AcquireResult = 'begun' | 'already' | 'over';

/** One of a crowd asks everybody when it has waited so long for an answer, between two beats. */
const CROWD_DOUBTS_INTERVALS = 1.5;
/** It asks nobody for so long after its link to the leader broke, while its right allows: an election takes one. */
const LEADER_LOST_INTERVALS = 2;
/** A turn that comes later than this many renew intervals was late enough to distrust everything. */
const LATE_TURN_INTERVALS = 2;

export class LeaseHolder {
  readonly #effects: HolderEffects;
  readonly #sent = new SentRenewals();
  #timing: LeaseTiming;
  #epoch: Epoch | null = null;
  /** Epochs up to here are never renewed again: refused, released, or replaced by a later one. */
  #overThrough = 0;
  #confirmedSentAt: Moment | null = null;
  /** The loss of the present right was told already. */
  #stopTold = false;
  #nonce = 0;
  #answeredNonce = 0;
  /** What was sent before a leader became known went to another, or to nobody: its answer is not missed. */
  #notMissedThrough = 0;
  #lastSentAt: Moment | null = null;
  /**
   * The last beat of the renewals, each a whole interval after the one before. A late turn or a renewal between two beats
   * moves none: after a change of leader thousands of holders, all asked in one moment, would stay in step for good.
   */
  #beatAt: Moment | null = null;
  #lastTurnAt: Moment | null = null;
  /** When the link to the known leader broke; null once it is back, or another leader was heard of. */
  #leaderLostAt: Moment | null = null;
  /** As the leader asked with its last answer of the present epoch, for it has a crowd to serve. */
  #crowdIntervalMs: number | null = null;

  constructor(timing: LeaseTiming, effects: HolderEffects) {
    this.#timing = timing;
    this.#effects = effects;
  }

  /** The epoch that is being renewed, confirmed or not. */
  get epoch(): Epoch | null {
    return this.#epoch;
  }

  /** The leader has so many to serve that it asked this one to renew more seldom. */
  get inCrowd(): boolean {
    return this.#crowdIntervalMs !== null;
  }

  get timing(): LeaseTiming {
    return this.#timing;
  }

  /** As the leader names it with a grant. A shorter lease counts at once, for the present right too. */
  useTiming(timing: LeaseTiming): void {
    this.#timing = timing;
  }

  /** Begins to renew. A later epoch replaces an earlier one, which is then over. */
  acquire(epoch: Epoch, now: Moment): AcquireResult {
    this.#turn(now);
    if (epoch <= this.#overThrough) return 'over';
    if (this.#epoch !== null && epoch < this.#epoch) return 'over';
    if (epoch === this.#epoch) {
      if (this.#confirmedSentAt === null) this.#send(now);
      return 'already';
    }
    if (this.#epoch !== null) this.#end(this.#epoch);
    this.#epoch = epoch;
    this.#send(now);
    return 'begun';
  }

  tick(now: Moment): void {
    this.#turn(now);
    if (this.#epoch === null) return;
    const remaining = this.remainingMs(now);
    if (remaining !== null && remaining <= this.#timing.stopBudgetMs) {
      this.#tellStop('deadline', this.#graceMs(remaining));
    }
    const intervalMs = this.#intervalMs;
    const isBeat = this.#beatAt !== null && elapsedMs(this.#beatAt, now) >= intervalMs;
    if (this.#canDoWithoutLeaderForMs(now) > 0) return;
    if (isBeat) this.#catchUpWithBeats(now);
    if (isBeat || this.#untilDoubtMs(now) <= 0) this.#send(now);
  }

  #catchUpWithBeats(now: Moment): void {
    if (this.#beatAt !== null) this.#beatAt = lastBeat(this.#beatAt, this.#intervalMs, now);
  }

  /**
   * Only the question of safety 16, to be asked before sockets are read: after a long sleep with the
   * right over, PostgreSQL is killed first and whatever else came in is looked at later.
   */
  wake(now: Moment): void {
    this.#turn(now);
  }

  /**
   * `crowdIntervalMs`: renew that seldom until an answer says otherwise; never so seldom that a right
   * would be without renewals to spare.
   */
  renewed(epoch: Epoch, nonce: number, now: Moment, crowdIntervalMs: number | null = null): void {
    this.#turn(now);
    if (epoch !== this.#epoch) return;
    const sentAt = this.#sent.sentAt(nonce);
    if (sentAt === undefined) return;
    if (nonce >= this.#answeredNonce) this.#crowdIntervalMs = crowdIntervalMs;
    this.#answeredNonce = Math.max(this.#answeredNonce, nonce);
    this.#prolong(epoch, sentAt, now);
  }

  /**
   * Every member promised, after renewal `nonce` had left, to take part in no failover from `epoch` for
   * as long as the right lasts (safety 11). It goes on; one that was over never comes back this way.
   */
  promised(epoch: Epoch, nonce: number, now: Moment): void {
    this.#turn(now);
    const sentAt = this.#sent.sentAt(nonce);
    if (sentAt === undefined || this.#stopTold || !this.mayServe(epoch, now)) return;
    this.#prolong(epoch, sentAt, now);
  }

  #prolong(epoch: Epoch, sentAt: Moment, now: Moment): void {
    const confirmed = this.#confirmedSentAt;
    if (confirmed !== null && sentAt.monotonicMs <= confirmed.monotonicMs) return;
    this.#confirmedSentAt = sentAt;
    const remaining = this.remainingMs(now);
    if (remaining === null || remaining <= this.#timing.stopBudgetMs) return;
    this.#stopTold = false;
    this.#effects.rightConfirmed(epoch);
  }

  refused(epoch: Epoch, now: Moment): void {
    this.#turn(now);
    if (epoch !== this.#epoch) return;
    this.#end(epoch);
    this.#effects.stopNow('refused', epoch, this.#timing.guardKillMs);
  }

  /**
   * A leader became known, or another one: it has heard nothing of us yet (correction 3). One of a crowd whose next beat
   * leaves it another one to spare waits for that beat: those whose right is older come first (ADR 0012).
   */
  leaderAnnounced(now: Moment): void {
    this.#turn(now);
    if (this.#epoch === null) return;
    this.#notMissedThrough = this.#nonce;
    this.#leaderLostAt = null;
    this.#catchUpWithBeats(now);
    if (!this.#canWaitForBeat(now)) this.#send(now, 'leader');
  }

  /**
   * The link to the known leader broke. If it died, nobody can answer before there is another: of a crowd thousands would
   * ask each of the others meanwhile, and take the processors that the election and their hosts need. So one of a crowd
   * waits, as long as its right leaves it another beat: if only its link broke, the others pass its request on then.
   */
  leaderLost(now: Moment): void {
    this.#turn(now);
    this.#leaderLostAt = now;
  }

  /** 0 where it asks as always. */
  #canDoWithoutLeaderForMs(now: Moment): number {
    const remaining = this.remainingMs(now);
    if (this.#leaderLostAt === null || !this.inCrowd || remaining === null) return 0;
    const intervalMs = this.#intervalMs;
    const patienceMs = LEADER_LOST_INTERVALS * intervalMs - elapsedMs(this.#leaderLostAt, now);
    const spareMs = remaining - this.#timing.stopBudgetMs - intervalMs;
    return Math.max(0, Math.min(patienceMs, spareMs));
  }

  #canWaitForBeat(now: Moment): boolean {
    const remaining = this.remainingMs(now);
    if (this.#crowdIntervalMs === null || this.#beatAt === null || remaining === null) return false;
    const untilBeatMs = this.#intervalMs - elapsedMs(this.#beatAt, now);
    return remaining - this.#timing.stopBudgetMs - untilBeatMs >= this.#intervalMs;
  }

  /** The epoch is given back: never renewed again by this incarnation (safety 9). */
  release(epoch: Epoch): void {
    if (epoch === this.#epoch) this.#end(epoch);
    this.#overThrough = Math.max(this.#overThrough, epoch);
  }

  /** Until the right ends (s + D); negative after it, null when none was confirmed. */
  remainingMs(now: Moment): number | null {
    if (this.#confirmedSentAt === null) return null;
    return this.#timing.leaseTtlMs - elapsedMs(this.#confirmedSentAt, now);
  }

  /** Whether a primary of `epoch` may be started or promoted at this moment. */
  mayServe(epoch: Epoch, now: Moment): boolean {
    const remaining = this.remainingMs(now);
    if (epoch !== this.#epoch || remaining === null) return false;
    return remaining > this.#timing.stopBudgetMs;
  }

  isOver(epoch: Epoch): boolean {
    return epoch <= this.#overThrough;
  }

  /** The end of the confirmed right on the boot clock, for a process that has no other clock. */
  endsAtBootMs(): number | null {
    if (this.#confirmedSentAt === null) return null;
    return this.#confirmedSentAt.bootMs + this.#timing.leaseTtlMs;
  }

  /** How long the host may sleep before the next `tick`. */
  nextTurnInMs(now: Moment): number {
    const intervalMs = this.#intervalMs;
    const { stopBudgetMs } = this.#timing;
    if (this.#epoch === null || this.#beatAt === null) return intervalMs;
    const untilRenewal = intervalMs - elapsedMs(this.#beatAt, now);
    const remaining = this.remainingMs(now);
    const untilStop =
      remaining === null || this.#stopTold ? untilRenewal : remaining - stopBudgetMs;
    const untilSendMs = Math.max(
      this.#canDoWithoutLeaderForMs(now),
      Math.min(untilRenewal, this.#untilDoubtMs(now)),
    );
    return Math.max(0, Math.min(untilStop, untilSendMs));
  }

  get #intervalMs(): number {
    const asked = this.#crowdIntervalMs ?? 0;
    return Math.max(this.#timing.renewIntervalMs, Math.min(asked, longestIntervalMs(this.#timing)));
  }

  #turn(now: Moment): void {
    const last = this.#lastTurnAt;
    this.#lastTurnAt = now;
    if (last === null || this.#epoch === null) return;
    const lateMs = LATE_TURN_INTERVALS * this.#intervalMs;
    if (elapsedMs(last, now) <= lateMs) return;
    const remaining = this.remainingMs(now);
    if (remaining !== null && remaining <= 0) this.#tellStop('woke-late', 0);
  }

  #tellStop(reason: StopReason, graceMs: number): void {
    if (this.#stopTold || this.#epoch === null) return;
    this.#stopTold = true;
    this.#effects.stopNow(reason, this.#epoch, graceMs);
  }

  /** SIGKILL always comes `stopBudgetMs - guardKillMs` before the end, however late the stop began. */
  #graceMs(remainingMs: number): number {
    const { stopBudgetMs, guardKillMs } = this.#timing;
    return Math.max(0, Math.min(guardKillMs, remainingMs - (stopBudgetMs - guardKillMs)));
  }

  #send(now: Moment, to: 'leader' | 'all' = this.#doubtsLeader(now) ? 'all' : 'leader'): void {
    if (this.#epoch === null) return;
    this.#beatAt ??= now;
    this.#nonce += 1;
    this.#sent.note(this.#nonce, now);
    this.#lastSentAt = now;
    this.#effects.sendRenewal(this.#epoch, this.#nonce, to, this.#isEndangered(now));
  }

  #isEndangered(now: Moment): boolean {
    const remaining = this.remainingMs(now);
    if (remaining === null || this.#stopTold) return false;
    const { leaseTtlMs, stopBudgetMs } = this.#timing;
    return remaining - stopBudgetMs <= (leaseTtlMs - stopBudgetMs) / 2;
  }

  /**
   * An answer is missed. One of a crowd gives it longer, as long as another beat is left: where thousands hear late,
   * three requests in the place of each would reach a leader that has no time for one.
   */
  #doubtsLeader(now: Moment): boolean {
    if (!this.#missedAnswer(now)) return false;
    const remaining = this.remainingMs(now);
    if (!this.inCrowd || remaining === null) return true;
    const isLastBeat = remaining - this.#timing.stopBudgetMs < this.#intervalMs;
    return isLastBeat || this.#unansweredMs(now) >= this.#doubtAfterMs;
  }

  /** What was sent only just now may still be answered. */
  #missedAnswer(now: Moment): boolean {
    if (this.#lastSentAt === null || this.#settledNonce === this.#nonce) return false;
    return elapsedMs(this.#lastSentAt, now) >= this.#timing.renewIntervalMs / 2;
  }

  /** Until one of a crowd asks everybody in between two beats; it does once, and with each beat after it. */
  #untilDoubtMs(now: Moment): number {
    const unansweredMs = this.#unansweredMs(now);
    if (!this.inCrowd || this.#lastSentAt === null || unansweredMs === 0) return Infinity;
    const sentAfterMs = unansweredMs - elapsedMs(this.#lastSentAt, now);
    return sentAfterMs >= this.#doubtAfterMs ? Infinity : this.#doubtAfterMs - unansweredMs;
  }

  get #doubtAfterMs(): number {
    return CROWD_DOUBTS_INTERVALS * this.#intervalMs;
  }

  /** Since the first renewal left whose answer is waited for; 0 when none is. */
  #unansweredMs(now: Moment): number {
    if (this.#settledNonce === this.#nonce) return 0;
    const sentAt = this.#sent.sentAt(this.#settledNonce + 1);
    return sentAt === undefined ? Infinity : elapsedMs(sentAt, now);
  }

  get #settledNonce(): number {
    return Math.max(this.#answeredNonce, this.#notMissedThrough);
  }

  #end(epoch: Epoch): void {
    this.#overThrough = Math.max(this.#overThrough, epoch);
    this.#epoch = null;
    this.#confirmedSentAt = null;
    this.#stopTold = false;
    this.#lastSentAt = null;
    this.#beatAt = null;
    this.#crowdIntervalMs = null;
    this.#answeredNonce = this.#nonce;
    this.#sent.clear();
  }
}

/** The last beat that is not after `now`, of those that come every `intervalMs` from `beat` on. */
function lastBeat(beat: Moment, intervalMs: number, now: Moment): Moment {
  const passedMs = Math.floor(elapsedMs(beat, now) / intervalMs) * intervalMs;
  return {
    monotonicMs: monotonicMs(beat.monotonicMs + passedMs),
    bootMs: monotonicMs(beat.bootMs + passedMs),
  };
}
