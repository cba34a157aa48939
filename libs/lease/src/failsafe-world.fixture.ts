/**
 * A primary, its members and their controllers in virtual time, for what failsafe must never do (safety
 * 11): at the moment at which another may be promoted, no right of the old primary is left. The
 * controllers stop to answer the primary, and at some time later than its lease lasts they order the
 * members to detach; a member that joined meanwhile was never asked for a promise. Clocks run at their own
 * rates, notes are delayed, lost and repeated, members restart.
 */
import { assert, epoch, monotonicMs, type Prng, present, seededPrng } from '#libs/kernel';
import { LeaseHolder } from './holder.ts';
import { leaseWaitMs } from './lease-timing.ts';
import { MemberPromise, promiseLastsMs } from './member-promise.ts';
import type { Moment } from './moment.ts';

export const FAILSAFE_MUTATIONS = [
  'none',
  'forgets-on-restart',
  'most-suffice',
  'counts-from-the-answer',
  'detaches-despite-its-promise',
  'lapses-without-rho',
  'latecomer-takes-over',
] as const;
export type FailsafeMutation = (typeof FAILSAFE_MUTATIONS)[number];

export type FailsafeChoice = {
  readonly seed: number;
  readonly dropChance: number;
  readonly delayMaxMs: number;
  readonly restartEveryMs: number;
  /** From the end of the lease to the order to detach, at most. */
  readonly orderWithinMs: number;
  readonly mutation: FailsafeMutation;
};

export type FailsafeResult = {
  readonly overlaps: string[];
  readonly promises: number;
  readonly grants: number;
  /** How far the primary went on beyond the end of its last lease. */
  readonly prolongedMs: number;
};

const RUN_MS = 40_000;
const RHO = 0.01;
const TIMING = { leaseTtlMs: 3_000, renewIntervalMs: 400, stopBudgetMs: 300, guardKillMs: 150 };
const TERMS = { leaseTtlMs: 3_000, clockRateErrorRatio: RHO, leaseMarginMs: 100 };
const EPOCH = epoch(1);
const TRY_EVERY_MS = 7;
/** One that restarts sooner each time is bound for ever, and nobody's candidate. */
const SETTLES_MS = 3_500;

type Member = {
  readonly name: string;
  /** The guard was told of it before. */
  readonly isAsked: boolean;
  readonly rate: number;
  promise: MemberPromise;
  /** On its disk. */
  kept: boolean;
  detached: boolean;
  knowsOrder: boolean;
};

export class FailsafeWorld {
  readonly #prng: Prng;
  readonly #choice: FailsafeChoice;
  readonly #events: { atMs: number; run: () => void }[] = [];
  readonly #holder: LeaseHolder;
  readonly #rate: number;
  readonly #members: readonly Member[];
  readonly #rounds = new Map<number, Set<string>>();
  #now = 0;
  #leaseEndsMs = 0;
  #granted = false;
  #result = { overlaps: [] as string[], promises: 0, grants: 0, prolongedMs: 0 };

  constructor(choice: FailsafeChoice) {
    this.#choice = choice;
    this.#prng = seededPrng(choice.seed);
    this.#rate = this.#anyRate();
    this.#members = ['b', 'c', 'late'].map((name) => ({
      name,
      isAsked: name !== 'late',
      rate: this.#anyRate(),
      promise: new MemberPromise(),
      kept: false,
      detached: false,
      knowsOrder: false,
    }));
    this.#holder = new LeaseHolder(TIMING, {
      sendRenewal: (_epoch, nonce, _to, endangered) => {
        if (endangered) this.#askAll(nonce);
      },
      rightConfirmed: () => undefined,
      stopNow: () => undefined,
    });
  }

  run(): FailsafeResult {
    this.#holder.acquire(EPOCH, this.#moment(this.#rate));
    this.#holder.renewed(EPOCH, 1, this.#moment(this.#rate));
    this.#leaseEndsMs = leaseWaitMs(TERMS) / (1 - RHO);
    this.#at(0, () => this.#holderTurn());
    const orderAtMs = this.#leaseEndsMs + this.#prng.unit() * this.#choice.orderWithinMs;
    for (const member of this.#members) {
      this.#at(orderAtMs + this.#prng.unit() * this.#choice.delayMaxMs, () => {
        member.knowsOrder = true;
        this.#tryToDetach(member);
      });
      this.#at(this.#untilRestart(), () => this.#restart(member));
    }
    while (this.#now < RUN_MS && !this.#granted) {
      const next = present(this.#events.shift(), 'the world never runs dry');
      assert(next.atMs >= this.#now, 'time goes forward', { at: next.atMs, now: this.#now });
      this.#now = next.atMs;
      next.run();
    }
    return this.#result;
  }

  #holderTurn(): void {
    const now = this.#moment(this.#rate);
    this.#holder.tick(now);
    if (this.#holder.mayServe(EPOCH, now)) {
      this.#result.prolongedMs = Math.max(0, this.#now - this.#leaseEndsMs);
    }
    this.#at(this.#holder.nextTurnInMs(now) / this.#rate + 0.01, () => this.#holderTurn());
  }

  #askAll(nonce: number): void {
    this.#rounds.set(nonce, new Set());
    for (const member of this.#members.filter(({ isAsked }) => isAsked)) {
      for (let copy = this.#prng.chance(0.1) ? 2 : 1; copy > 0; copy -= 1) {
        this.#deliver(() => this.#asked(member, nonce));
      }
    }
  }

  #asked(member: Member, nonce: number): void {
    if (member.detached || member.knowsOrder) return;
    member.kept = true;
    member.promise.give(EPOCH, this.#lastsMs, this.#moment(member.rate));
    this.#result.promises += 1;
    this.#deliver(() => this.#answered(member, nonce));
  }

  #answered({ name }: Member, nonce: number): void {
    const round = present(this.#rounds.get(nonce), 'answered as asked');
    round.add(name);
    if (round.size < (this.#choice.mutation === 'most-suffice' ? 1 : 2)) return;
    const now = this.#moment(this.#rate);
    if (this.#choice.mutation === 'counts-from-the-answer') {
      this.#holder.leaderAnnounced(now);
      this.#holder.promised(EPOCH, Math.max(...this.#rounds.keys()), now);
    }
    this.#holder.promised(EPOCH, nonce, now);
  }

  #tryToDetach(member: Member): void {
    const bound =
      this.#choice.mutation === 'detaches-despite-its-promise'
        ? null
        : member.promise.inForce(this.#moment(member.rate));
    if (bound !== null) {
      this.#at(TRY_EVERY_MS, () => this.#tryToDetach(member));
      return;
    }
    member.detached = true;
    this.#at(this.#prng.unit() * this.#choice.delayMaxMs, () => this.#proved(member));
  }

  /** The controllers hear of the proof: another may be promoted from now on. */
  #proved(member: Member): void {
    const asked = this.#members.filter(({ isAsked }) => isAsked);
    const isKnown = member.isAsked || asked.some(({ detached }) => detached);
    if (!isKnown && this.#choice.mutation !== 'latecomer-takes-over') {
      this.#at(TRY_EVERY_MS, () => this.#proved(member));
      return;
    }
    this.#granted = true;
    this.#result.grants += 1;
    const remaining = this.#holder.remainingMs(this.#moment(this.#rate)) ?? 0;
    if (remaining <= 0) return;
    this.#result.overlaps.push(`${member.name} takes over with ${remaining.toFixed(1)} ms left`);
  }

  /** What is on its disk it behaves as if it had just promised. */
  #restart(member: Member): void {
    member.promise = new MemberPromise();
    if (member.kept && this.#choice.mutation !== 'forgets-on-restart') {
      member.promise.give(EPOCH, this.#lastsMs, this.#moment(member.rate));
    }
    this.#at(this.#untilRestart(), () => this.#restart(member));
  }

  get #lastsMs(): number {
    return this.#choice.mutation === 'lapses-without-rho'
      ? TERMS.leaseTtlMs
      : promiseLastsMs(TERMS);
  }

  #untilRestart(): number {
    const { restartEveryMs } = this.#choice;
    return restartEveryMs === 0
      ? 2 * RUN_MS
      : this.#prng.range(SETTLES_MS, SETTLES_MS + restartEveryMs);
  }

  #anyRate(): number {
    return 1 + RHO * (this.#prng.unit() * 2 - 1);
  }

  #moment(rate: number): Moment {
    const at = monotonicMs(this.#now * rate);
    return { monotonicMs: at, bootMs: at };
  }

  #deliver(run: () => void): void {
    if (this.#prng.chance(this.#choice.dropChance)) return;
    this.#at(this.#prng.unit() * this.#choice.delayMaxMs, run);
  }

  #at(inMs: number, run: () => void): void {
    const atMs = this.#now + inMs;
    let place = this.#events.length;
    while (place > 0 && (this.#events[place - 1]?.atMs ?? 0) > atMs) place -= 1;
    this.#events.splice(place, 0, { atMs, run });
  }
}
