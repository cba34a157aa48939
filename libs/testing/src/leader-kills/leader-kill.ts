import { epoch, guardIncarnation, monotonicMs, type Prng, seededPrng } from '#libs/kernel';
import { CappedTime, LeaseClock, LeaseHolder, type LeaseTiming, type Moment } from '#libs/lease';
import type { MemberId, RoundId } from '#libs/raft';
import { Scheduler } from '../raft-simulator/scheduler.ts';
import { type GroupConditions, type GroupListener, SmallGroup } from './small-group.ts';

export type LeaderKill = {
  /** From the kill until another controller served; null when none did in time. */
  readonly leaderlessMs: number | null;
  /** From the last confirmed renewal before the kill to the first one after it. */
  readonly unconfirmedMs: number | null;
  /** The guard ended a healthy primary. */
  readonly stopped: boolean;
};

export type KillConditions = {
  readonly group: GroupConditions;
  readonly timing: LeaseTiming;
  /** Correction 3: the guard renews at once with a leader that was announced. */
  readonly resendsToNewLeader: boolean;
};

const EPOCH = epoch(1);
const GUARD = guardIncarnation('g');
const ELECTED_LIMIT_MS = 20_000;
const SETTLED_MS = 1_000;
const WATCHED_MS = 6_000;
const TURN_CAP_MS = 150;

/** One leader and one guard with a confirmed lease; the leader is killed at a random moment. */
export function killLeader(seed: number, conditions: KillConditions): LeaderKill {
  return new KilledLeader(seed, conditions).run();
}

class KilledLeader implements GroupListener {
  readonly #scheduler = new Scheduler();
  readonly #prng: Prng;
  readonly #group: SmallGroup;
  readonly #holder: LeaseHolder;
  readonly #conditions: KillConditions;
  #leader: MemberId | 0 = 0;
  #leases: LeaseClock<null> | null = null;
  readonly #rounds = new Map<RoundId, number>();
  #round = 0;
  #killedAtMs: number | null = null;
  #servedAtMs: number | null = null;
  #lastConfirmedMs = 0;
  #unconfirmedMs: number | null = null;
  #stopped = false;

  constructor(seed: number, conditions: KillConditions) {
    this.#conditions = conditions;
    this.#prng = seededPrng(seed);
    this.#holder = new LeaseHolder(conditions.timing, {
      sendRenewal: (_epoch, nonce, to) => this.#renew(nonce, to),
      rightConfirmed: () => this.#confirmed(),
      stopNow: () => {
        this.#stopped = true;
      },
    });
    const seedOfGroup = this.#prng.next();
    this.#group = new SmallGroup(seedOfGroup, conditions.group, this.#scheduler, this);
  }

  run(): LeaderKill {
    this.#runUntil(() => this.#leader !== 0, ELECTED_LIMIT_MS);
    this.#holder.acquire(EPOCH, this.#moment());
    this.#guardTurn();
    const killAtMs = this.#scheduler.nowMs + SETTLED_MS + this.#prng.unit() * SETTLED_MS;
    this.#runUntil(() => false, killAtMs);
    this.#group.kill(this.#leader);
    this.#killedAtMs = killAtMs;
    const untilMs = killAtMs + WATCHED_MS;
    this.#runUntil(() => this.#stopped || this.#unconfirmedMs !== null, untilMs);
    const servedAtMs = this.#servedAtMs;
    return {
      leaderlessMs: servedAtMs === null ? null : servedAtMs - killAtMs,
      unconfirmedMs: this.#unconfirmedMs,
      stopped: this.#stopped,
    };
  }

  onServing(leader: MemberId): void {
    this.#leader = leader;
    const now = this.#now();
    this.#leases = new LeaseClock<null>(new CappedTime(TURN_CAP_MS, now));
    const terms = { leaseTtlMs: 3_000, clockRateErrorRatio: 0.01, leaseMarginMs: 100 };
    this.#leases.follow('c', { cluster: 'c', epoch: EPOCH, guard: GUARD, terms }, now);
    this.#rounds.clear();
    this.#round = 0;
    if (this.#killedAtMs === null) return;
    this.#servedAtMs ??= this.#scheduler.nowMs;
    if (!this.#conditions.resendsToNewLeader) return;
    this.#deliver(() => this.#holder.leaderAnnounced(this.#moment()));
  }

  onRoundConfirmed(leader: MemberId, round: RoundId): void {
    const own = this.#rounds.get(round);
    if (own === undefined || leader !== this.#leader) return;
    this.#rounds.delete(round);
    for (const { nonce } of this.#leases?.roundConfirmed(own) ?? []) {
      this.#deliver(() => this.#holder.renewed(EPOCH, nonce, this.#moment()));
    }
  }

  #guardTurn(): void {
    this.#holder.tick(this.#moment());
    const inMs = Math.max(1, this.#holder.nextTurnInMs(this.#moment()));
    this.#scheduler.after(inMs, () => this.#guardTurn());
  }

  /** To the leader that the guard knows; to all, a follower passes it on to whom it takes for leader. */
  #renew(nonce: number, to: 'leader' | 'all'): void {
    const to1 = to === 'leader' ? [this.#leader] : this.#group.alive;
    for (const controller of to1) this.#deliver(() => this.#arrive(controller, nonce));
  }

  #arrive(at: MemberId | 0, nonce: number): void {
    if (at !== 0 && this.#group.serves(at)) {
      this.#accept(at, nonce);
      return;
    }
    const leader = at !== 0 && this.#group.alive.includes(at) ? this.#group.leaderFor(at) : 0;
    if (leader === 0 || leader === at) return;
    this.#deliver(() => {
      if (this.#group.serves(leader)) this.#accept(leader, nonce);
    });
  }

  #accept(leader: MemberId, nonce: number): void {
    if (leader !== this.#leader || this.#leases === null) return;
    const renewal = { cluster: 'c', epoch: EPOCH, guard: GUARD, nonce, reply: null };
    this.#leases.accept(renewal, this.#now());
    this.#round += 1;
    this.#leases.roundBegan(this.#round);
    const own = this.#round;
    const round = this.#group.confirmRound(leader);
    if (round !== null) this.#rounds.set(round, own);
  }

  #confirmed(): void {
    const nowMs = this.#scheduler.nowMs;
    if (this.#killedAtMs !== null && this.#servedAtMs !== null) {
      this.#unconfirmedMs ??= nowMs - this.#lastConfirmedMs;
    }
    this.#lastConfirmedMs = nowMs;
  }

  #deliver(run: () => void): void {
    this.#scheduler.after(this.#group.delayMs(), run);
  }

  #runUntil(done: () => boolean, untilMs: number): void {
    while (!done() && this.#scheduler.runNext(untilMs));
  }

  #now() {
    return monotonicMs(this.#scheduler.nowMs);
  }

  #moment(): Moment {
    return { monotonicMs: this.#now(), bootMs: this.#now() };
  }
}
