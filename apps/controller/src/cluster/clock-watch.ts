import type { ClusterState } from '#libs/cluster';
import type { Clock } from '#libs/kernel';
import type { Service } from '#libs/leader';
import type { Log } from '../log.ts';

/** Slewing a clock stays below this from one tick to the next; a step does not. */
const JUMP_MIN_MS = 1_000;

/** Compares the wall clock with the monotonic one: what they part by between two looks is a jump. */
export class ClockWatch {
  #offsetMs: number;

  constructor(readonly clock: Clock) {
    this.#offsetMs = this.#offset();
  }

  /** The jump since the last look; 0 when there was none. */
  look(): number {
    const before = this.#offsetMs;
    this.#offsetMs = this.#offset();
    const jumpMs = Math.round(this.#offsetMs - before);
    return Math.abs(jumpMs) >= JUMP_MIN_MS ? jumpMs : 0;
  }

  #offset(): number {
    return this.clock.nowMs() - this.clock.monotonicMs();
  }
}

type Told = {
  readonly host: { readonly store: { readonly clusters: () => readonly ClusterState[] } };
  readonly log: Log;
};

/** In the log, and in each cluster's events. */
export function noteClockJump({ host, log }: Told, service: Service, jumpMs: number): void {
  log.warn('the wall clock jumped', { jumpMs });
  const names = host.store.clusters().map(({ name }) => name);
  service.observations.clockJumped(names, jumpMs);
}
