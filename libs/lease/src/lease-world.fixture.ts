/**
 * One holder and a succession of leaders in virtual time, for the property that matters: no right
 * outlasts the expiry of its lease. Clocks run at their own rates, messages are delayed, lost and
 * repeated, holder and leaders pause; a quorum is modelled by what it guarantees: a round is confirmed
 * only if its answers were given before the next leader was elected.
 */
import {
  assert,
  type Epoch,
  epoch,
  type GuardIncarnation,
  guardIncarnation,
  type MonotonicMs,
  monotonicMs,
  type Prng,
  present,
  seededPrng,
} from '#libs/kernel';
import { CappedTime } from './capped-time.ts';
import { LeaseHolder } from './holder.ts';
import { LeaseClock } from './lease-clock.ts';
import type { Moment } from './moment.ts';

export const MUTATIONS = [
  'none',
  'counts-from-the-answer',
  'ages-start-early',
  'no-confirmation-round',
  'clock-beyond-rho',
  'serves-before-own-commit',
  'answers-while-closing',
  'renews-after-release',
] as const;
export type Mutation = (typeof MUTATIONS)[number];

export type WorldChoice = {
  readonly seed: number;
  readonly dropChance: number;
  readonly delayMaxMs: number;
  readonly pauseChance: number;
  readonly pauseMaxMs: number;
  /** How long a new leader may not reach the holder, while an old one still may. */
  readonly cutMaxMs: number;
  /** Renewals that go to the leader before: the holder does not know better. */
  readonly strayChance: number;
  /** The guard's process dies and another start of it proves the instance down, this often at most. */
  readonly restartEveryMs: number;
  /** Of an answer that asks for fewer renewals. */
  readonly crowdChance: number;
  readonly mutation: Mutation;
};

export type WorldResult = {
  readonly overlaps: string[];
  readonly renewals: number;
  readonly expiries: number;
  readonly releases: number;
  readonly leaders: number;
};

const RUN_MS = 60_000;
const RHO = 0.01;
const TIMING = { leaseTtlMs: 3_000, renewIntervalMs: 400, stopBudgetMs: 300, guardKillMs: 150 };
const TERMS = { leaseTtlMs: 3_000, clockRateErrorRatio: RHO, leaseMarginMs: 100 };
const TURN_MS = 50;
const TURN_CAP_MS = 200;
const OLD_LEADER_LIVES_MS = 8_000;
const RELEASE_REPEAT_MS = 400;
/** Longer than a holder may follow. */
const CROWD_MS = 1_500;
/** How far behind a leader's state may be before its own-term entry is applied. */
const STALE_MAX_MS = 4_000;
const OWN_COMMIT_MAX_MS = 3_000;
/** A holder that goes on with the epoch before, not knowing that it has ended. */
const HEARD_LATE_MAX_MS = 5_000;

type Leader = {
  readonly clock: (atMs: number) => MonotonicMs;
  readonly leases: LeaseClock<null>;
  readonly time: CappedTime;
  /** Real time of the next leader's election; set when it happens. */
  deposedAtMs: number;
  /** Until then nothing passes between it and the holder. */
  cutUntilMs: number;
  round: number;
  /** `LeaseExpired` was proposed and is not applied yet. */
  expiring: boolean;
};

export class LeaseWorld {
  readonly #prng: Prng;
  readonly #choice: WorldChoice;
  readonly #events: { atMs: number; run: () => void }[] = [];
  readonly #result = {
    overlaps: [] as string[],
    renewals: 0,
    expiries: 0,
    releases: 0,
    leaders: 0,
  };
  readonly #holderRate: number;
  #holder: LeaseHolder;
  #starts = 1;
  #now = 0;
  #held: Epoch = epoch(1);
  /** The start of the guard that the held epoch was granted to. */
  #heldBy = guardIncarnation('g1');
  /** What was held before, for a leader that has not caught up. */
  readonly #past: {
    readonly untilMs: number;
    readonly held: Epoch;
    readonly by: GuardIncarnation;
  }[] = [];
  #leader: Leader;
  /** Deposed, but it and the holder may not know. */
  #previous: Leader | null = null;
  /** Set while the harness makes the holder count from the answer. */
  #swallowed: number | null = null;

  constructor(choice: WorldChoice) {
    this.#choice = choice;
    this.#prng = seededPrng(choice.seed);
    this.#holderRate = this.#rate();
    this.#holder = this.#newHolder();
    this.#leader = this.#elect();
  }

  run(): WorldResult {
    this.#holder.acquire(this.#held, this.#moment());
    this.#at(0, () => this.#holderTurn());
    this.#at(this.#untilRestart(), () => this.#restartGuard());
    while (this.#now < RUN_MS) {
      const next = present(this.#events.shift(), 'the world never runs dry');
      assert(next.atMs >= this.#now, 'time goes forward', { at: next.atMs, now: this.#now });
      this.#now = next.atMs;
      next.run();
    }
    return this.#result;
  }

  #newHolder(): LeaseHolder {
    const holder: LeaseHolder = new LeaseHolder(TIMING, {
      sendRenewal: (of, nonce) => {
        if (holder !== this.#holder) return;
        if (this.#swallowed === null) this.#send(of, nonce);
        else this.#swallowed = nonce;
      },
      rightConfirmed: () => this.#checkNoRightToAnEndedEpoch('a renewal was confirmed'),
      stopNow: () => undefined,
    });
    return holder;
  }

  get #guard(): GuardIncarnation {
    return guardIncarnation(`g${this.#starts}`);
  }

  /**
   * A guard that has died took PostgreSQL with it; the next start releases for it and never renews what
   * was not granted to itself. The mutation is one start that forgets what it released (safety 9).
   */
  #restartGuard(): void {
    const released = this.#held;
    const forgets = this.#choice.mutation === 'renews-after-release';
    if (!forgets) this.#starts += 1;
    this.#holder = this.#newHolder();
    this.#release(released, this.#heldBy);
    if (forgets) this.#holder.acquire(released, this.#moment());
    this.#at(this.#untilRestart(), () => this.#restartGuard());
  }

  #untilRestart(): number {
    const { restartEveryMs } = this.#choice;
    return restartEveryMs === 0 ? 2 * RUN_MS : this.#prng.range(1_000, 1_000 + restartEveryMs);
  }

  #release(released: Epoch, by: GuardIncarnation): void {
    if (this.#held !== released || this.#heldBy !== by) return;
    this.#deliver(() => {
      const leader = this.#leader;
      this.#commit(leader, () => {
        if (this.#held !== released || this.#heldBy !== by) return;
        this.#result.releases += 1;
        this.#end(leader, 'the lease was released');
      });
    });
    this.#at(RELEASE_REPEAT_MS, () => this.#release(released, by));
  }

  /** Applied unless the leader was replaced before a majority had the entry. */
  #commit(leader: Leader, apply: () => void, lost: () => void = () => undefined): void {
    this.#at(this.#prng.unit() * this.#choice.delayMaxMs, () => {
      if (leader === this.#leader) apply();
      else lost();
    });
  }

  #end(leader: Leader, how: string): void {
    this.#ended = this.#held;
    this.#checkNoRightToAnEndedEpoch(how);
    this.#past.push({ untilMs: this.#now, held: this.#held, by: this.#heldBy });
    this.#held = epoch(this.#held + 1);
    this.#heldBy = this.#guard;
    this.#follow(leader);
    const holder = this.#holder;
    const heardLaterMs = this.#prng.chance(0.5) ? this.#prng.unit() * HEARD_LATE_MAX_MS : 0;
    this.#at(heardLaterMs, () => {
      this.#deliver(() => {
        if (holder === this.#holder) holder.acquire(this.#held, this.#moment());
      });
    });
  }

  #holderTurn(): void {
    this.#holder.tick(this.#moment());
    const waitMs = this.#holder.nextTurnInMs(this.#moment()) / this.#holderRate + 0.01;
    this.#at(waitMs + this.#pause(), () => this.#holderTurn());
  }

  #send(of: Epoch, nonce: number): void {
    this.#result.renewals += 1;
    for (let copy = this.#prng.chance(0.1) ? 2 : 1; copy > 0; copy -= 1) {
      const guard = this.#guard;
      const toPrevious = this.#prng.chance(this.#choice.strayChance);
      this.#deliver(() => {
        const leader = toPrevious ? this.#previous : this.#leader;
        if (leader !== null && this.#now >= leader.cutUntilMs)
          this.#arrive(leader, of, nonce, guard);
      });
    }
  }

  #arrive(leader: Leader, of: Epoch, nonce: number, guard: GuardIncarnation): void {
    const renewal = { cluster: 'c', epoch: of, guard, nonce, reply: null };
    const verdict = leader.leases.accept(renewal, leader.clock(this.#now));
    if (verdict.kind === 'pending' && this.#choice.mutation === 'no-confirmation-round') {
      this.#answer(of, nonce);
    }
  }

  #leaderTurn(leader: Leader): void {
    const next = (): void => this.#at(TURN_MS + this.#pause(), () => this.#leaderTurn(leader));
    leader.time.turn(leader.clock(this.#now), this.#prng.chance(0.95));
    if (leader.leases.pending > 0) this.#beginRound(leader);
    if (leader.leases.due().length > 0) this.#expire(leader);
    // A deposed leader goes on for a while: it does not know.
    if (this.#now < leader.deposedAtMs + OLD_LEADER_LIVES_MS) next();
  }

  #beginRound(leader: Leader): void {
    leader.round += 1;
    const { round } = leader;
    leader.leases.roundBegan(round);
    const answeredAtMs = this.#now + this.#prng.unit() * this.#choice.delayMaxMs;
    const backMs = this.#prng.unit() * this.#choice.delayMaxMs;
    this.#at(answeredAtMs - this.#now, () => {
      // The voters answered unless they had already voted for the next leader.
      if (answeredAtMs >= leader.deposedAtMs || this.#prng.chance(this.#choice.dropChance)) return;
      this.#at(backMs, () => {
        for (const renewal of leader.leases.roundConfirmed(round)) {
          this.#answer(renewal.epoch, renewal.nonce);
        }
      });
    });
  }

  #answer(of: Epoch, nonce: number): void {
    this.#deliver(() => {
      if (this.#choice.mutation !== 'counts-from-the-answer') {
        const crowdIntervalMs = this.#prng.chance(this.#choice.crowdChance) ? CROWD_MS : null;
        this.#holder.renewed(of, nonce, this.#moment(), crowdIntervalMs);
        return;
      }
      this.#swallowed = -1;
      this.#holder.leaderAnnounced(this.#moment());
      const sentNow = this.#swallowed;
      this.#swallowed = null;
      this.#holder.renewed(of, sentNow, this.#moment());
    });
  }

  #expire(leader: Leader): void {
    if (leader.expiring) return;
    const due = leader.leases.due()[0]?.epoch;
    if (this.#choice.mutation !== 'answers-while-closing') leader.leases.close('c');
    leader.expiring = true;
    this.#commit(
      leader,
      () => {
        leader.expiring = false;
        if (due !== this.#held) return;
        this.#result.expiries += 1;
        this.#end(leader, 'the lease was declared expired');
      },
      () => {
        leader.expiring = false;
      },
    );
  }

  #ended: Epoch = epoch(0);

  #checkNoRightToAnEndedEpoch(when: string): void {
    const { epoch: of } = this.#holder;
    const remaining = this.#holder.remainingMs(this.#moment());
    if (of === null || of > this.#ended || remaining === null || remaining <= 0) return;
    this.#result.overlaps.push(`${when}: epoch ${of} still lasts ${remaining.toFixed(1)} ms`);
  }

  #elect(): Leader {
    this.#result.leaders += 1;
    const rate = this.#rate();
    const origin = this.#prng.range(0, 1_000_000);
    const clock = (atMs: number): MonotonicMs => monotonicMs(origin + atMs * rate);
    const early = this.#choice.mutation === 'ages-start-early' ? 0.6 * TERMS.leaseTtlMs : 0;
    const begin = monotonicMs(clock(this.#now) - early);
    const time = new CappedTime(early > 0 ? TERMS.leaseTtlMs : TURN_CAP_MS, begin);
    const leases = new LeaseClock<null>(time);
    const cutForMs = this.#prng.chance(0.5) ? this.#prng.range(0, this.#choice.cutMaxMs) : 0;
    const leader: Leader = {
      clock,
      leases,
      time,
      deposedAtMs: Number.POSITIVE_INFINITY,
      cutUntilMs: this.#now + cutForMs,
      round: 0,
      expiring: false,
    };
    if (this.#choice.mutation === 'serves-before-own-commit') {
      leases.follow('c', this.#staleLease(), begin);
      this.#at(this.#prng.unit() * OWN_COMMIT_MAX_MS, () => this.#follow(leader));
    } else leases.follow('c', this.#heldLease(), begin);
    this.#at(0, () => this.#leaderTurn(leader));
    this.#at(this.#prng.range(500, 15_000), () => {
      leader.deposedAtMs = this.#now;
      this.#previous = leader;
      this.#leader = this.#elect();
      this.#deliver(() => this.#holder.leaderAnnounced(this.#moment()));
    });
    return leader;
  }

  #follow(leader: Leader): void {
    leader.leases.follow('c', this.#heldLease(), leader.clock(this.#now));
  }

  #heldLease() {
    return { cluster: 'c', epoch: this.#held, guard: this.#heldBy, terms: TERMS };
  }

  #staleLease() {
    const asOfMs = this.#now - this.#prng.unit() * STALE_MAX_MS;
    const past = this.#past.find(({ untilMs }) => untilMs > asOfMs);
    if (past === undefined) return this.#heldLease();
    return { cluster: 'c', epoch: past.held, guard: past.by, terms: TERMS };
  }

  #rate(): number {
    const error = this.#choice.mutation === 'clock-beyond-rho' ? 0.3 : RHO;
    return 1 + error * (this.#prng.unit() * 2 - 1);
  }

  #moment(): Moment {
    const at = monotonicMs(this.#now * this.#holderRate);
    return { monotonicMs: at, bootMs: at };
  }

  #pause(): number {
    const { pauseChance, pauseMaxMs } = this.#choice;
    return this.#prng.chance(pauseChance) ? this.#prng.unit() * pauseMaxMs : 0;
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
