import type { Prng } from '#libs/kernel';
import type { Scheduler } from './scheduler.ts';
import { TICK_MS } from './swarm.ts';

/** Inputs that a paused member keeps; the rest is lost as in a full socket. */
const DEFERRED_MAX = 2_000;

/** Whether a member's process lives, and what happens later in the life in which it was planned. */
export class SimLife {
  running = true;
  paused = false;
  #incarnation = 0;
  #deferred: (() => void)[] = [];

  constructor(private readonly scheduler: Scheduler) {}

  end(): void {
    this.running = false;
    this.paused = false;
    this.#incarnation += 1;
    this.#deferred = [];
  }

  /** False when the input is lost, or kept until the member goes on. */
  takes(input: () => void): boolean {
    if (!this.running) return false;
    if (!this.paused) return true;
    if (this.#deferred.length < DEFERRED_MAX) this.#deferred.push(input);
    return false;
  }

  goOn(): void {
    this.paused = false;
    for (const input of this.#deferred.splice(0)) {
      if (this.running) input();
    }
  }

  /** Tells, later on, whether the life in which it was asked for still lasts. */
  present(): () => boolean {
    const incarnation = this.#incarnation;
    return () => this.running && this.#incarnation === incarnation;
  }

  later(delayMs: number, run: () => void): void {
    this.whileAlive(delayMs, () => {
      if (this.paused) this.#deferred.push(run);
      else run();
    });
  }

  whileAlive(delayMs: number, run: () => void): void {
    const incarnation = this.#incarnation;
    this.scheduler.after(delayMs, () => {
      if (this.running && this.#incarnation === incarnation) run();
    });
  }
}

/** A paused member's clock ticks are lost, as those of a stopped process are. */
export function planTicks(
  life: SimLife,
  prng: Prng,
  clockErrorPercent: number,
  tick: () => void,
): void {
  const rate = 1 + ((prng.unit() * 2 - 1) * clockErrorPercent) / 100;
  const periodMs = TICK_MS * rate;
  const next = (): void => {
    if (!life.paused) tick();
    life.whileAlive(periodMs, next);
  };
  life.whileAlive(prng.unit() * periodMs, next);
}
