import { codeOf, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import {
  type InstanceObservation,
  readParameterCatalog,
  type SqlSession,
} from '#libs/postgres-run';
import { LEADER_ANSWER_MS } from '../timing.ts';
import type { ControllerChannel } from './controller-channel.ts';
import type { Controllers } from './controllers.ts';

/** A leader that could not be told is tried again after this. */
const RETRY_MS = 5_000;

/**
 * Tells each new leader, and the present one after each start of PostgreSQL, which settings this
 * PostgreSQL has and what it takes for them, so that no bad value is ever stored.
 */
export class ParameterTeller {
  #told: string | null = null;
  #notBeforeMs = 0;
  #busy = false;

  constructor(
    readonly controllers: Controllers,
    readonly session: () => SqlSession,
    readonly log: Logger,
  ) {}

  /** After each look at PostgreSQL; nearly always there is nothing to tell. */
  looked(seen: InstanceObservation | null, nowMs: number): void {
    const { leader } = this.controllers;
    if (leader === null || seen?.kind !== 'reachable' || this.#busy) return;
    const key = `${leader.name} ${this.controllers.term} ${seen.postmasterStartedAt}`;
    if (key === this.#told || nowMs < this.#notBeforeMs) return;
    this.#busy = true;
    this.#notBeforeMs = nowMs + RETRY_MS;
    void this.#tell(leader, key);
  }

  async #tell(leader: ControllerChannel, key: string): Promise<void> {
    try {
      const entries = await readParameterCatalog(this.session());
      await leader.request('parameters', { entries }, LEADER_ANSWER_MS);
      this.#told = key;
    } catch (error) {
      this.log.debug('settings not told', { code: codeOf(error), why: messageOf(error) });
    } finally {
      this.#busy = false;
    }
  }
}
