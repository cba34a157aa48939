import { type MonotonicMs, monotonicMs } from '#libs/kernel';
import type { Scheduler } from '../raft-simulator/scheduler.ts';

/** A machine: its own clock, which runs a little fast or slow, and the processes on it. */
export class SimHost {
  readonly processes: SimProcess[] = [];
  /** Power: without it nothing runs, and what was not on disk is gone. */
  up = true;
  frozen = false;
  thawedAtMs = Number.NEGATIVE_INFINITY;
  readonly #originMs: number;

  constructor(
    readonly index: number,
    readonly name: string,
    readonly scheduler: Scheduler,
    readonly rate: number,
    originMs: number,
  ) {
    this.#originMs = originMs;
  }

  nowMs(): MonotonicMs {
    return monotonicMs(this.#originMs + this.scheduler.nowMs * this.rate);
  }

  freeze(): void {
    this.frozen = true;
  }

  thaw(): void {
    if (!this.frozen) return;
    this.frozen = false;
    this.thawedAtMs = this.scheduler.nowMs;
    for (const process of this.processes) process.goOn();
  }
}

type Work = { readonly timer: boolean; readonly run: () => void };

/** One process: it can be killed, and paused by itself or together with its host. */
export class SimProcess {
  alive = false;
  paused = false;
  #life = 0;
  #waiting: Work[] = [];

  constructor(
    readonly host: SimHost,
    readonly name: string,
    /** Node runs timers first; a controller that stalled reads its sockets before its timer counts. */
    readonly timersFirst: boolean,
  ) {
    host.processes.push(this);
  }

  get stopped(): boolean {
    return this.paused || this.host.frozen;
  }

  begin(): void {
    this.alive = true;
    this.paused = false;
    this.#life += 1;
    this.#waiting = [];
  }

  end(): void {
    this.alive = false;
    this.paused = false;
    this.#life += 1;
    this.#waiting = [];
  }

  /** `delayMs` of the host's clock. */
  after(delayMs: number, run: () => void): void {
    const life = this.#life;
    this.host.scheduler.after(delayMs / this.host.rate, () => this.#take(life, true, run));
  }

  /** Something arrives now: a message, an exit of a child. */
  deliver(run: () => void): void {
    this.#take(this.#life, false, run);
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, () => {
        this.host.scheduler.promised = true;
        resolve();
      });
    });
  }

  pause(): void {
    if (this.alive) this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.goOn();
  }

  goOn(): void {
    if (!this.alive || this.stopped) return;
    const all = this.#waiting;
    this.#waiting = [];
    const first = all.filter((work) => work.timer === this.timersFirst);
    const rest = all.filter((work) => work.timer !== this.timersFirst);
    for (const { timer, run } of [...first, ...rest]) this.#take(this.#life, timer, run);
  }

  #take(life: number, timer: boolean, run: () => void): void {
    if (!this.alive || life !== this.#life) return;
    if (this.stopped) this.#waiting.push({ timer, run });
    else run();
  }
}
