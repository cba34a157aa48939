import { setFlagsFromString } from 'node:v8';
import { everyShared } from '#libs/transport';

const LOOK_EVERY_MS = 1_000;
/** Shares of one core. An idle leader takes 2 %, one that carries a single client's commands 30 %. */
const BUSY_FROM = 0.1;
const CALM_BELOW = 0.05;
const CALM_LOOKS = 10;

/**
 * V8 optimises what runs often, however slowly that adds up: a controller on which nothing happens spent a
 * third of its processor time on compiling its heartbeats again and again, in the first minutes and after
 * each change. So it may optimise only while there is work that pays for it.
 */
export class CompileWhenBusy {
  #calmLooks = 0;
  #optimises = false;

  constructor(readonly setFlags: (flags: string) => void = setFlagsFromString) {
    setFlags('--no-opt');
  }

  /** @returns ends it */
  start(): () => void {
    let before = process.cpuUsage();
    let beforeMs = performance.now();
    return everyShared(LOOK_EVERY_MS, () => {
      const { user, system } = process.cpuUsage(before);
      const nowMs = performance.now();
      this.look((user + system) / 1_000 / Math.max(1, nowMs - beforeMs));
      before = process.cpuUsage();
      beforeMs = nowMs;
    });
  }

  /** `share`: of one core, since the last look. */
  look(share: number): void {
    this.#calmLooks = share < CALM_BELOW ? this.#calmLooks + 1 : 0;
    if (!this.#optimises && share >= BUSY_FROM) this.#set(true);
    else if (this.#optimises && this.#calmLooks >= CALM_LOOKS) this.#set(false);
  }

  #set(optimises: boolean): void {
    this.#optimises = optimises;
    this.setFlags(optimises ? '--opt' : '--no-opt');
  }
}
