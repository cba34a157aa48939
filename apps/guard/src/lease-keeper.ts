import type { Epoch } from '#libs/kernel';
import {
  type AcquireResult,
  type HolderEffects,
  LeaseHolder,
  type LeaseTiming,
  type Moment,
} from '#libs/lease';
import type { GuardLog } from './guard-log.ts';
import type { SystemClock } from './system-clock.ts';

/** A turn may come so much sooner than it is due: it does nothing then but set the timer anew. */
const EARLY_MS = 2;
/** Without a lease there is nothing to do until one is asked for, which sets the timer anew. */
const IDLE_TURN_MS = 60_000;

/**
 * Gives the lease's machine its clock and its turns. A timer only asks whether the process slept
 * through the end of its right; the rest of the turn comes after the sockets were read, since Node runs
 * timers first and an answer may be waiting there (safety 21).
 */
export class LeaseKeeper {
  readonly #clock: SystemClock;
  readonly #log: GuardLog;
  readonly #holder: LeaseHolder;
  #timer: NodeJS.Timeout | undefined;
  /** When `#timer` ends; null while none runs. */
  #timerDueMs: number | null = null;
  readonly #wake = (): void => {
    this.#timerDueMs = null;
    this.#holder.wake(this.#clock.moment());
    setImmediate(this.#turn);
  };
  readonly #turn = (): void => {
    const now = this.#clock.moment();
    this.#holder.tick(now);
    this.#arm(now);
  };

  constructor(
    timing: LeaseTiming,
    parts: { clock: SystemClock; log: GuardLog; effects: HolderEffects },
  ) {
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#holder = new LeaseHolder(timing, parts.effects);
  }

  begin(): void {
    this.#turn();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timerDueMs = null;
  }

  get epoch(): Epoch | null {
    return this.#holder.epoch;
  }

  get inCrowd(): boolean {
    return this.#holder.inCrowd;
  }

  get timing(): LeaseTiming {
    return this.#holder.timing;
  }

  useTiming(timing: LeaseTiming): void {
    this.#holder.useTiming(timing);
    this.#arm(this.#clock.moment());
  }

  acquire(epoch: Epoch): AcquireResult {
    const now = this.#clock.moment();
    const result = this.#holder.acquire(epoch, now);
    if (result === 'begun') this.#log.info('lease asked for', { epoch });
    this.#arm(now);
    return result;
  }

  renewed(epoch: Epoch, nonce: number, crowdIntervalMs: number | null): void {
    const now = this.#clock.moment();
    this.#holder.renewed(epoch, nonce, now, crowdIntervalMs);
    this.#arm(now);
  }

  promised(epoch: Epoch, nonce: number): void {
    this.#holder.promised(epoch, nonce, this.#clock.moment());
  }

  refused(epoch: Epoch): void {
    this.#holder.refused(epoch, this.#clock.moment());
  }

  leaderAnnounced(): void {
    this.#holder.leaderAnnounced(this.#clock.moment());
  }

  leaderLost(): void {
    this.#holder.leaderLost(this.#clock.moment());
  }

  release(epoch: Epoch): void {
    this.#holder.release(epoch);
  }

  isOver(epoch: Epoch): boolean {
    return this.#holder.isOver(epoch);
  }

  mayServe(epoch: Epoch): boolean {
    return this.#holder.mayServe(epoch, this.#clock.moment());
  }

  /** Until the confirmed right ends; 0 without one. */
  remainingMs(): number {
    return Math.max(0, this.#holder.remainingMs(this.#clock.moment()) ?? 0);
  }

  /** Until PostgreSQL is stopped, whole milliseconds, not below 0; null without a confirmed right. */
  untilStopMs(): number | null {
    const remaining = this.#holder.remainingMs(this.#clock.moment());
    if (remaining === null) return null;
    return Math.max(0, Math.floor(remaining - this.timing.stopBudgetMs));
  }

  /**
   * When the last process must be killed by whoever is still able to, on the boot clock: the moment at
   * which the guard itself goes from SIGQUIT to SIGKILL. Null without a confirmed right.
   */
  killAtBootMs(): number | null {
    const endsAt = this.#holder.endsAtBootMs();
    const { stopBudgetMs, guardKillMs } = this.timing;
    return endsAt === null ? null : endsAt - (stopBudgetMs - guardKillMs);
  }

  /** With most answers the next turn stays due when it was: that timer is left. */
  #arm(now: Moment): void {
    const held = this.#holder.epoch !== null;
    const inMs = Math.max(1, held ? Math.floor(this.#holder.nextTurnInMs(now)) : IDLE_TURN_MS);
    const dueMs = now.monotonicMs + inMs;
    if (this.#timerDueMs !== null) {
      const earlyMs = dueMs - this.#timerDueMs;
      if (earlyMs >= 0 && earlyMs <= EARLY_MS) return;
      clearTimeout(this.#timer);
    }
    this.#timerDueMs = dueMs;
    this.#timer = setTimeout(this.#wake, inMs);
  }
}
