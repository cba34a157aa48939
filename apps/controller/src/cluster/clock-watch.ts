import type { ClusterState } from '#libs/cluster';
import type { Clock, EpochMs } from '#libs/kernel';
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

export type Told = {
  readonly host: { readonly store: { readonly clusters: () => readonly ClusterState[] } };
  readonly log: Log;
};

type Heeds = { readonly observations: Pick<Service['observations'], 'clockJumped'> };

/** In the log, and in each cluster's events. */
export function noteClockJump({ host, log }: Told, service: Heeds, jumpMs: number): void {
  log.warn('the wall clock jumped', { jumpMs });
  const names = host.store.clusters().map(({ name }) => name);
  service.observations.clockJumped(names, jumpMs);
}

/**
 * Asked once, of a leader that begins to serve: its clock is behind the newest events, so that of the leader
 * which recorded them, or its own, is wrong. In the log, and in the events of each cluster whose log time stands
 * still until this clock is there. One that is ahead cannot be told from the time that passed since: see `AheadWatch`.
 */
export function noteClockBehind({ host, log }: Told, service: Heeds, wallAt: EpochMs): void {
  const ahead = host.store
    .clusters()
    .filter(({ lastEventAt }) => lastEventAt - wallAt >= JUMP_MIN_MS)
    .sort((a, b) => b.lastEventAt - a.lastEventAt);
  const [newest] = ahead;
  if (newest === undefined) return;
  log.warn('the wall clock is behind the newest event', {
    wallAt: timeText(wallAt),
    eventAt: timeText(newest.lastEventAt),
    behindMs: Math.round(newest.lastEventAt - wallAt),
    ...{ cluster: newest.name, clusters: ahead.length },
  });
  for (const { name, lastEventAt } of ahead) {
    service.observations.clockJumped([name], Math.round(wallAt - lastEventAt));
  }
}

type Ahead = {
  /** Of the clocks of a majority. */
  readonly aheadMs: number;
  readonly wallAt: EpochMs;
  /** When it began to serve, by its own clock. */
  readonly beganAt: EpochMs;
};

/**
 * In the log, and in the events of each cluster whose log time this leader takes, or took, out of the true one: where
 * it was ahead before, nothing jumps now.
 */
export function noteClockAhead(
  { host, log }: Told,
  service: Heeds,
  { aheadMs, wallAt, beganAt }: Ahead,
): void {
  const jumpMs = Math.round(aheadMs);
  if (jumpMs < JUMP_MIN_MS) return;
  log.warn('the wall clock is ahead of those of most controllers', {
    ...{ wallAt: timeText(wallAt), aheadMs: jumpMs },
  });
  const names = host.store
    .clusters()
    .filter(({ lastEventAt: at }) => at <= wallAt - aheadMs || at >= beganAt)
    .map(({ name }) => name);
  service.observations.clockJumped(names, jumpMs);
}

function timeText(at: EpochMs): string {
  return new Date(at).toISOString();
}
