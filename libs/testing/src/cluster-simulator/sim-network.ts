import type { Prng } from '#libs/kernel';
import type { Scheduler } from '../raft-simulator/scheduler.ts';
import type { SimHost } from './sim-host.ts';

const HOSTS_MAX = 64;
const LOCAL_MS = 0.05;

export type NetworkManners = {
  readonly delayMs: number;
  readonly lossChance: number;
  readonly tailChance: number;
  readonly tailMs: number;
};

/**
 * Connections between hosts: in order, delayed, cut one way or both. What is lost never comes, and with
 * it goes the connection: TCP leaves nothing out in the middle.
 */
export class SimNetwork {
  readonly #cut = new Set<number>();
  /** When the last message of a direction arrives: the next one not before it. */
  readonly #last = new Float64Array(HOSTS_MAX * HOSTS_MAX);
  healed = false;
  /** Added to every message, while a fault slows the network down. */
  slowMs = 0;
  /** Added to what goes in one direction between two hosts. */
  readonly #late = new Map<number, number>();

  constructor(
    readonly scheduler: Scheduler,
    readonly prng: Prng,
    readonly manners: NetworkManners,
  ) {}

  send(from: SimHost, to: SimHost, deliver: () => void, broken?: () => void): void {
    if (from === to) {
      this.scheduler.after(LOCAL_MS, () => {
        if (to.up) deliver();
      });
      return;
    }
    if (!from.up) return;
    const { lossChance } = this.manners;
    const lost = !this.healed && lossChance > 0 && this.prng.chance(lossChance);
    if (lost || !this.passes(from, to)) {
      broken?.();
      return;
    }
    const link = linkOf(from, to);
    const arrivalMs = Math.max(this.#last[link] ?? 0, this.scheduler.nowMs + this.#delayMs(link));
    this.#last[link] = arrivalMs;
    this.scheduler.after(arrivalMs - this.scheduler.nowMs, () => {
      if (to.up && this.passes(from, to)) deliver();
      else broken?.();
    });
  }

  passes(from: SimHost, to: SimHost): boolean {
    return from === to || !this.#cut.has(linkOf(from, to));
  }

  /** A connection holds only where both directions pass and both ends have power. */
  connects(a: SimHost, b: SimHost): boolean {
    return a.up && b.up && this.passes(a, b) && this.passes(b, a);
  }

  cutOneWay(from: SimHost, to: SimHost): void {
    if (from !== to) this.#cut.add(linkOf(from, to));
  }

  cut(a: SimHost, b: SimHost): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  delayOneWay(from: SimHost, to: SimHost, lateMs: number): void {
    if (from !== to) this.#late.set(linkOf(from, to), lateMs);
  }

  mend(): void {
    this.#cut.clear();
    this.#late.clear();
    this.slowMs = 0;
  }

  #delayMs(link: number): number {
    const { delayMs, tailChance, tailMs } = this.manners;
    if (this.healed) return Math.min(delayMs, 1);
    const late = tailChance > 0 && this.prng.chance(tailChance);
    const usualMs = late ? this.prng.unit() * tailMs : delayMs * (0.5 + this.prng.unit());
    return this.slowMs + (this.#late.get(link) ?? 0) + usualMs;
  }
}

function linkOf(from: SimHost, to: SimHost): number {
  return from.index * HOSTS_MAX + to.index;
}
