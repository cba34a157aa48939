import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterState } from '#libs/cluster';
import { type InstanceName, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { GuardKeeper } from './guard-client/guard-keeper.ts';
import type { StepRunner } from './step-runner.ts';
import { FAST_STOP_MS, HAND_OVER_LIMIT_MS, IMMEDIATE_STOP_MS, RELEASE_MS } from './timing.ts';

export type DepartureParts = {
  readonly instance: InstanceName;
  readonly state: () => ClusterState | null;
  readonly guard: Pick<GuardKeeper, 'state' | 'ask'>;
  readonly runner: Pick<StepRunner, 'busy'>;
  readonly log: Logger;
  readonly beforeStop: () => Promise<void>;
  /** Tells the leader; from then on nothing is started here. */
  readonly announce: () => void;
};

const POLL_MS = 20;

/** A planned end: another becomes primary first, then PostgreSQL is stopped in order. */
export class Departure {
  constructor(readonly parts: DepartureParts) {}

  async run(): Promise<void> {
    const { log, announce } = this.parts;
    const state = this.parts.state();
    if (state === null || state.paused) {
      log.info('postgresql stays as it is: the cluster is paused or not known', {});
      return;
    }
    announce();
    const handedOver = await this.#untilHandedOver(performance.now() + HAND_OVER_LIMIT_MS);
    if (!handedOver) log.warn('nobody took over in time', { limitMs: HAND_OVER_LIMIT_MS });
    try {
      await this.#stop();
    } catch (error) {
      log.error('postgresql was not stopped; its guard goes on', { why: messageOf(error) });
    }
  }

  /** True once another holds the lease, or at once where this is no primary. */
  async #untilHandedOver(deadlineMs: number): Promise<boolean> {
    for (;;) {
      if (this.#isFree()) return true;
      if (performance.now() >= deadlineMs) return false;
      await delay(POLL_MS);
    }
  }

  /** Not while a switchover may still be taken back to this instance. */
  #isFree(): boolean {
    const { guard, runner, instance } = this.parts;
    const state = this.parts.state();
    if (runner.busy || guard.state === null || guard.state.epoch !== null) return false;
    if (state === null || state.operation.kind === 'switchover') return false;
    return state.lease.kind === 'NeverGranted' || state.lease.holder !== instance;
  }

  /** With the epoch given back, so that whoever can serves at once. */
  async #stop(): Promise<void> {
    const { guard, log, beforeStop } = this.parts;
    if (guard.state?.postmaster !== 'down') {
      await beforeStop();
      const budgetMs = FAST_STOP_MS;
      const limitMs = budgetMs + IMMEDIATE_STOP_MS;
      await guard.ask({ type: 'stop', mode: 'fast', budgetMs }, limitMs);
    }
    const epoch = guard.state?.epoch ?? null;
    if (epoch !== null) {
      const reason = 'shutdown';
      await guard.ask({ type: 'release', epoch, reason, timeline: null, lsn: null }, RELEASE_MS);
    }
    log.info('postgresql is stopped', { released: epoch });
  }
}
